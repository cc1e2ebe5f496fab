"""An open desk: everything that Picturedesk does, in one object."""

from __future__ import annotations

from picturedesk.desk.facade.answering import Answering
from picturedesk.desk.facade.exporting import Exporting
from picturedesk.desk.facade.keeping import Keeping
from picturedesk.desk.facade.learning import Learning
from picturedesk.desk.facade.measuring import Measuring


class Desk(Exporting, Measuring, Keeping, Answering, Learning):
    """A desk folder with matcher, routes, archive memory and catalogue.

    Uses the fit that was current when it was opened, also while another fit runs. Threads may share
    one object. ``close`` it, or use it in a ``with`` statement. It pickles as its path.

    Args:
        path: a folder that ``Desk.fit`` or ``picturedesk fit`` made.
        catalogue: address of another catalogue for the current fit, ``milvus://HOST:PORT/NAME``
            or ``milvus:///FOLDER/FILE.db/NAME``, such as another machine's copy of the desk uses;
            "" for the one that the desk remembers.

    Raises:
        MissingArtefact: the folder has no finished fit.
    """
