"""A Trainer under warm-up, stable, decay (WSD), on a model made from a configuration.

`python examples/transformers_loop.py` trains a tiny GPT-2 to count to eight, again and again;
nothing is downloaded.
"""

import math
import tempfile

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

import glidepath as gp
from glidepath.transformers import fly

WORDS, LENGTH = 8, 16


def main() -> float:
    """Train, and return the loss on the data."""
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=WORDS,
            n_positions=LENGTH,
            n_embd=32,
            n_layer=1,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    starts = torch.arange(256) % WORDS
    rows = (starts[:, None] + torch.arange(LENGTH)) % WORDS
    data = [{"input_ids": row, "labels": row} for row in rows]

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            num_train_epochs=3,
            per_device_train_batch_size=16,
            gradient_accumulation_steps=2,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = Trainer(model, arguments, train_dataset=data, eval_dataset=data)
        flight = fly(trainer, gp.wsd(2e-2, "10%", "30%"))
        trainer.train()
        loss = float(trainer.evaluate()["eval_loss"])

    guess = math.log(WORDS)
    print(f"{flight.plan.total_steps} updates, loss {loss:.3f} (a guess: {guess:.3f})")
    return loss


if __name__ == "__main__":
    main()
