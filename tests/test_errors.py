import pytest

from vreid.errors import DataError, run_command


def test_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise DataError("a.jpg: cut off; get it again")

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert run_command(lambda: 5) == 0
    assert run_command(fail) == 2
    assert capsys.readouterr().err == "error: a.jpg: cut off; get it again\n"
    assert run_command(interrupt) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_our_own_mistakes_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)
