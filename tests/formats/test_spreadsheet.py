"""What a spreadsheet shows of a CSV file, and what it must not run."""

import csv
import io

import pytest

from formats.spreadsheet import sheet

RUN = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", '=HYPERLINK("https://evil.example","a")']


@pytest.mark.parametrize("text", RUN)
def test_a_text_that_a_spreadsheet_would_run_is_shown_with_an_apostrophe_before_it(text: str) -> None:
    assert list(csv.reader(io.StringIO(sheet([[text]]), newline=""))) == [[f"'{text}"]]


def test_numbers_and_other_texts_stay_as_they_are_and_nothing_is_an_empty_cell() -> None:
    assert sheet([["a,b", 'c"d', -3, 1.5, None], ["1-2", "too = small", "", 0, True]]) == (
        '"a,b","c""d",-3,1.5,\r\n1-2,too = small,,0,True\r\n'
    )
