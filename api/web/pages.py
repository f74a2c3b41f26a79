"""All pages behind one router; mount it at the root, with `static` beside it at /static."""

from fastapi import APIRouter

from api.web import pages_caseload, pages_front, pages_patient, pages_schedule

router = APIRouter(include_in_schema=False)
for part in (pages_front, pages_caseload, pages_patient, pages_schedule):
    router.include_router(part.router)
