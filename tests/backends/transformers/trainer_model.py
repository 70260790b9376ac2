"""A language model of a few hundred weights, its data, and a Trainer that reads back its rates."""

import accelerate
import torch
import transformers
from transformers import TrainerCallback, TrainingArguments

import glidepath as gp

EXAMPLES, BATCH, EPOCHS = 24, 2, 2
POLICY = gp.linear(0.0, 0.01, "25%") >> gp.linear(0.01, 0.001, "rest")


def reset():
    """Forget accelerate's state, which is the process's."""
    accelerate.state.AcceleratorState._reset_state(reset_partial_state=True)
    accelerate.state.GradientState._reset_state()


def model(seed=0):
    """A language model of a few hundred weights."""
    torch.manual_seed(seed)
    config = transformers.GPT2Config(
        vocab_size=8,
        n_positions=4,
        n_embd=4,
        n_layer=1,
        n_head=1,
        bos_token_id=0,
        eos_token_id=0,
    )
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    return transformers.GPT2LMHeadModel(config)


def data():
    rows = torch.randint(0, 8, (EXAMPLES, 4), generator=torch.Generator().manual_seed(1))
    return [{"input_ids": row, "labels": row} for row in rows]


class Read(TrainerCallback):
    """What each update applied, read from the optimizer as it begins to update."""

    def __init__(self):
        self.rates, self.decays, self.logged = [], [], []

    def on_train_begin(self, args, state, control, optimizer=None, **kwargs):
        optimizer.optimizer.register_step_pre_hook(self._read)

    def _read(self, optimizer, args, kwargs):
        # A fused optimizer is called for skipped updates too.
        found = getattr(optimizer, "found_inf", None)
        if found is None or not float(found):
            self.rates.append(optimizer.param_groups[0]["lr"])
            self.decays.append(optimizer.param_groups[0]["weight_decay"])

    def on_log(self, args, state, control, logs=None, **kwargs):
        if "learning_rate" in logs:
            self.logged.append(logs["learning_rate"])


def trainer(folder, kind=transformers.Trainer, network=None, **arguments):
    settings = {
        "num_train_epochs": EPOCHS,
        "per_device_train_batch_size": BATCH,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
        "save_strategy": "no",
        "logging_steps": 1,
        "max_grad_norm": 0.0,
    }
    made = kind(
        network or model(),
        TrainingArguments(str(folder), **{**settings, **arguments}),
        train_dataset=data(),
        eval_dataset=data(),
    )
    read = Read()
    made.add_callback(read)
    return made, read


def planned(total, policy=POLICY, per_epoch=None):
    return policy.plan(total, per_epoch).table()[:total].tolist()
