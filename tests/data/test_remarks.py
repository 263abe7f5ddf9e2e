from groupwise.data.remarks import join_remarks, list_codes, list_remarks, to_plain


def test_remarks_come_apart_as_they_were_joined():
    remarks = (("truncated", "it ends: too soon"), ("odd", to_plain("a; b\nc: d")))
    reason = join_remarks(remarks)
    assert list_remarks(reason) == remarks
    assert list_codes(reason) == ("truncated", "odd")
    assert list_remarks(join_remarks(())) == ()
