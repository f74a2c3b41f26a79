"""Every way in: the JSON API, the pages, the patient's app, the command line."""
