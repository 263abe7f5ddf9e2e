from groupwise.data.file_notes import join_notes, list_codes, list_notes, to_plain


def test_remarks_come_apart_as_they_were_joined():
    remarks = (("truncated", "it ends: too soon"), ("odd", to_plain("a; b\nc: d")))
    reason = join_notes(remarks)
    assert list_notes(reason) == remarks
    assert list_codes(reason) == ("truncated", "odd")
    assert list_notes(join_notes(())) == ()
