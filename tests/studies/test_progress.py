import io

from rich.console import Console

from glidepath.studies.progress import Bars, Lines, Silent, progress_for


def tell(progress):
    with progress:
        progress.stage("opening toy ...")
        progress.begin(4, 1, 60)
        progress.running("cosine", 0, 20)
        progress.running("cosine", 0, 40)
        progress.running("fixed", 1, 0)
        progress.ended("cosine", 0, "finished")
        progress.ended("fixed", 1, "diverged")
        progress.ended("wsd", 1, "finished")


def test_lines_say_what_begins_what_diverged_and_how_far_it_is():
    lines = []
    tell(Lines(lines.append, every=0.0))
    assert lines == [
        "opening toy ...",
        "4 runs of 60 updates, 1 of them done before",
        "2 of 4 runs done",
        "fixed, seed 1: diverged",
        "3 of 4 runs done",
        "4 of 4 runs done",
    ]


def test_lines_do_not_come_too_often_but_the_last_one_does():
    lines = []
    tell(Lines(lines.append, every=1e9))
    assert [line for line in lines if "runs done" in line] == [
        "2 of 4 runs done",
        "4 of 4 runs done",
    ]


def test_bars_show_the_whole_and_every_run_under_way():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    bars = progress_for(console)
    assert isinstance(bars, Bars)
    with bars:
        bars.begin(4, 1, 60)
        bars.running("cosine", 0, 20)
        bars.running("fixed", 1, 30)
        shown = {task.description: task for task in bars._progress.tasks}
        assert list(shown) == ["the whole study", "cosine, seed 0", "fixed, seed 1"]
        assert (shown["the whole study"].completed, shown["the whole study"].total) == (1, 4)
        assert (shown["fixed, seed 1"].completed, shown["fixed, seed 1"].total) == (30, 60)
        bars.ended("cosine", 0, "finished")
        bars.ended("fixed", 1, "diverged")
        assert [task.description for task in bars._progress.tasks] == ["the whole study"]
        assert bars._progress.tasks[0].completed == 3
    assert "fixed, seed 1: diverged" in out.getvalue()
    assert "the whole study" in out.getvalue()


def test_elsewhere_than_on_a_terminal_there_are_lines():
    out = io.StringIO()
    tell(progress_for(Console(file=out, force_terminal=False, width=20)))
    assert "4 runs of 60 updates, 1 of them done before\n" in out.getvalue()


def test_silence():
    tell(Silent())
