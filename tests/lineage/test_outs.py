"""Records of a lineage."""

from __future__ import annotations

from wizardcoder.lineage.outs import without_password


def test_a_password_in_a_url_is_not_shown():
    params = {
        "teacher.base_url": ["http://me:secret@host/v1", "http://host/v1"],
        "teacher.judge": {"base_url": "s3://k:s@b"},
    }
    assert without_password(params) == {
        "teacher.base_url": ["http://host/v1", "http://host/v1"],
        "teacher.judge": {"base_url": "s3://b"},
    }
