"""Where a database is: at MONGODB_URI, or on the embedded server, started and prepared if need be."""

from collections.abc import Sequence

from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION, EmbeddedMongo
from backend.kernel.mongo.provision import CollectionSpec, provision, verify
from backend.kernel.settings import Settings


async def prepared_uri(settings: Settings, database: str, specs: Sequence[CollectionSpec]) -> str:
    """The application's URI of ``database``; on the embedded server its collections are as ``specs`` say.

    A server of one's own is prepared by `openfinance db setup`, never on the way. Raises Misconfigured or
    DatabaseUnavailable with the remedy.
    """
    if settings.mongodb_uri:
        return settings.mongodb_uri.get_secret_value()
    credentials = EmbeddedMongo(settings.openfinance_home, settings.embedded_mongodb_port).start()
    async with connect(credentials.admin_uri, app_name="openfinance-setup") as admin:
        try:
            await verify(admin, database, specs)
        except Misconfigured:
            await provision(admin, database, specs, user=APPLICATION, password=credentials.application_password)
    return credentials.application_uri(database)
