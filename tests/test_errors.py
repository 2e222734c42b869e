"""Errors for input that cannot be used."""

import pickle

from colornet.errors import InputError, NonFiniteError


def test_a_message_is_one_line():
    text = "expected a file.  a  b.txt:\n\n  Received: it\r\n"
    assert str(InputError(text)) == "expected a file.  a  b.txt: Received: it"
    again = pickle.loads(pickle.dumps(NonFiniteError("a\nb")))
    assert type(again) is NonFiniteError and str(again) == "a b"
