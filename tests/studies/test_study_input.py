"""What bad arguments, bad tasks and interrupts get, before and while a study runs."""

import pytest
from toys import NotATask, Slow, Toy, WithoutMomentum

import glidepath as gp
from glidepath.studies import compare, tune
from glidepath.studies.pool import single_threaded
from glidepath.studies.progress import Silent

POLICIES = {"fixed": gp.constant(0.1), "cosine": gp.cosine_decay(0.3, "100%")}


def quick(task, policies, out, **options):
    return compare(task, policies, out=out, **{"epochs": 3, "seeds": 2, "workers": 1} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be an integer"),
        ({"seeds": 0}, "seeds must be an integer of at least 1"),
        ({"seeds": []}, "seeds must be different"),
        ({"seeds": [1, 1]}, "seeds must be different"),
        ({"seeds": [-1]}, "a seed must be an integer of at least 0"),
        ({"workers": 0}, "workers must be an integer of at least 1"),
        ({"policies": {}}, "policies must be a mapping"),
        ({"policies": [gp.constant(0.1)]}, "policies must be a mapping"),
        ({"policies": {"": gp.constant(0.1)}}, "printable text"),
        ({"policies": {"a\nb": gp.constant(0.1)}}, "printable text"),
        ({"policies": {"a/b": gp.constant(0.1), "a b": gp.constant(0.2)}}, "share their files"),
        ({"policies": {"A": gp.constant(0.1), "a": gp.constant(0.2)}}, "share their files"),
        ({"policies": {"x": None}}, "no default policy 'x'"),
        ({"policies": {"x": "0.1"}}, "needs a policy, a schedule, or a number"),
        ({"task": "digits"}, "a task needs a name"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(tmp_path, options, message):
    arguments = {"task": Toy(), "policies": POLICIES, "out": tmp_path / "s"} | options
    with pytest.raises(gp.ArgumentError, match=message):
        quick(**arguments)
    assert not (tmp_path / "s").exists()


def test_tune_refuses_unknown_names_and_none():
    with pytest.raises(gp.ArgumentError, match="no default policy 'cosines'"):
        tune(Toy(), out="unused", policies=["cosines"])
    with pytest.raises(gp.ArgumentError, match="must name at least one"):
        tune(Toy(), out="unused", policies=[])


def test_a_policy_without_a_spec_is_refused(tmp_path):
    with pytest.raises(gp.SpecError, match="'mine' cannot be part of a study"):
        quick(Toy(), {"mine": gp.from_function(lambda k: 0.1)}, tmp_path / "s")


def test_a_policy_that_does_not_fit_the_run_is_named(tmp_path):
    policies = {"long": gp.linear(0.1, 0, "5ep")}
    with pytest.raises(gp.PlanError, match="the policy 'long' does not fit a run of 3 epochs"):
        quick(Toy(), policies, tmp_path / "s")
    assert not (tmp_path / "s" / "records").exists()


def test_what_the_optimizer_does_not_have_is_refused_but_momentum_is_dropped(tmp_path):
    policies = {"decay": gp.Policy(gp.constant(0.1), weight_decay=0.1)}
    with pytest.raises(gp.StudyError, match="'decay' flies weight_decay"):
        quick(WithoutMomentum(), policies, tmp_path / "a")
    result = quick(WithoutMomentum(), {"1cycle": gp.one_cycle(0.3)}, tmp_path / "b")
    assert result.policies[0].policy.momentum is None
    assert "Momentum is left alone" in result.notes["1cycle"]


def test_a_task_that_opens_as_something_else_is_refused(tmp_path):
    with pytest.raises(gp.StudyError, match="must open as a Trainer, got object"):
        quick(NotATask(), POLICIES, tmp_path / "s")


def test_a_task_that_cannot_be_sent_is_refused_with_the_way_out(tmp_path):
    class Local(Toy):
        pass

    with pytest.raises(gp.StudyError, match=r"cannot be sent to another process .*workers=1"):
        quick(Local(), POLICIES, tmp_path / "s", workers=2)
    assert quick(Local(), POLICIES, tmp_path / "s", workers=1).policies


def test_the_environment_of_one_thread_is_taken_back(monkeypatch):
    import os

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with single_threaded():
        assert os.environ["OMP_NUM_THREADS"] == "3"  # the user's choice stands
        assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    assert dict(os.environ) == before


def test_an_interrupt_keeps_what_is_done(tmp_path):
    class Stop(Silent):
        def __init__(self):
            self.ends = 0

        def begin(self, runs, done, updates):
            self.done = done

        def ended(self, name, seed, outcome):
            self.ends += 1
            if self.ends == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        quick(Slow(), POLICIES, tmp_path / "s", workers=2, progress=Stop())
    again = Stop()
    again.ends = 10
    result = quick(Slow(), POLICIES, tmp_path / "s", workers=2, progress=again)
    assert again.done >= 2
    assert len(result.policies) == 2
