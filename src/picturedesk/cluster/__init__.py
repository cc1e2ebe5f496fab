"""Work on many machines, by Ray. Knows neither pictures nor texts; imports Ray when used."""

from picturedesk.cluster.folders import PackedFolder
from picturedesk.cluster.mapping import Answer, Job, Part, mapped
from picturedesk.cluster.session import cores, session

__all__ = ["Answer", "Job", "PackedFolder", "Part", "cores", "mapped", "session"]
