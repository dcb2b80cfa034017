"""The answer key: one file a chapter, loaded when one of its exercises is asked for.

To add an exercise to chapter 7, write it into `chapter_07.py` and enter it in the `EXERCISES` at
its end, under the number that it has in the chapter:

* `Exercise` where the answer is one number: the truth, what is said to it, and the slips, each a
  wrong answer and what led to it. Give `tolerance` where two per cent is too much or too little.
* `Interval` where the answer is a pair (low, high).
* `Judged` where it is the reader's own result and there is no one truth.
* A function that returns one of these where the truth depends on what the reader's cell hands
  over. Its parameters are what is handed over, in this order, and are named in error messages.
  A function without parameters is for what takes long to work out or needs torch: import that
  inside the function, so that the other exercises do not wait for it.

A new chapter is a new file, `chapter_17.py`. The tests find what is new by themselves: each slip
has to be a wrong answer of its own, and stands with a number as a reader would type it in
`tests/unit/test_check_typed.py`; the truth is worked out once more, by another way, in
`tests/unit/test_check_truths.py`.
"""
