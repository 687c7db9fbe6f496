import uuid

from crossdock.ids import new_id


def test_ids_are_random_uuids() -> None:
    ids = [new_id() for _ in range(200)]
    assert len(set(ids)) == 200
    for text in ids:
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)
