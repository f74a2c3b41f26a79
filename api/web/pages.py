"""All pages behind one router; mount it at the root, with `static` beside it at /static."""

from fastapi import APIRouter

from api.web import (
    pages_admin,
    pages_caseload,
    pages_front,
    pages_learning,
    pages_patient,
    pages_schedule,
    pages_testing,
)

router = APIRouter(include_in_schema=False)
for part in (
    pages_front,
    pages_caseload,
    pages_patient,
    pages_learning,
    pages_schedule,
    pages_testing,
    pages_admin,
):
    router.include_router(part.router)
