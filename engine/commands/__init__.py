"""Use cases: one function each, one transaction each, clock and database passed in.

`enrolling` brings patients and their devices in. `scheduling` plans and changes protocols,
`patient_rules` and `milestones` change what else a plan rests on (`basis`), `travelling` and
`zone_data` follow the clocks; all of them re-plan by `replanning`. `answering` and `reporting` take
in what phones tell, `following` plans what follows, `starting` and `postponing` do what patients
ask for. `holding` tells what devices hold, `history` who changed what.
"""
