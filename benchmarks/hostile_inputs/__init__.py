"""Hostile inputs by topic; ``ALL`` has every case in the order of the table."""

from hostile_inputs import (
    inference,
    parameters,
    solving,
    state,
    structure,
    tables,
    targets,
    tools,
    user_code,
)

ROOMS = (tables, targets, parameters, user_code, state, inference, tools, structure, solving)
ALL = tuple(case for room in ROOMS for topic in room.TOPICS for case in topic.cases)
