from groupwise.audit.known_sets import DIGITS, ENOUGH, FILE, HEADER, find_known_sets
from groupwise.files import read_csv


def whole(digest):
    """As a manifest has it: the listed part and what follows."""
    return digest.ljust(64, "0")


def test_a_published_set_is_told_by_some_of_its_files_and_by_no_fewer():
    listed = read_csv(FILE, HEADER)
    flowers = [whole(row["digest"]) for row in listed if row["title"].startswith("Flowers")]
    waste = [whole(row["digest"]) for row in listed if row["title"] == "TrashNet"]
    (found,) = find_known_sets(["", whole("0"), *flowers[:ENOUGH], *waste[: ENOUGH - 1]])
    assert found.title == "Files of a published data set: Flowers recognition (stored at 128 px)"
    assert found.text.startswith(f"{ENOUGH} of the {len(flowers)} files that it is told by are among these.")
    assert not find_known_sets(flowers[: ENOUGH - 1] + waste[: ENOUGH - 1])
    assert len(find_known_sets(flowers + waste)) == 2


def test_no_file_tells_of_two_sets():
    digests = [row["digest"] for row in read_csv(FILE, HEADER)]
    assert len(set(digests)) == len(digests)
    assert {len(digest) for digest in digests} == {DIGITS}
