"""The admin's page: how delivery stands, in counts. Nobody is named."""

from fastapi import APIRouter, Response

from api.deps import AdminDep, NowDep, ServicesDep
from api.web.admin_view import delivery_view
from api.web.rendering import PageRoute, page
from engine.commands.health import delivery_health, learning_health

router = APIRouter(route_class=PageRoute)


@router.get("/admin/delivery")
def delivery(session: AdminDep, services: ServicesDep, now: NowDep) -> Response:
    """Return how delivery stands now."""
    after = services.settings.silent_after
    found = delivery_health(services.db, silent_after=after, now=now)
    view = delivery_view(found, learning_health(services.db), silent_after=after)
    return page("admin_delivery.html", session=session, view=view, at=now)
