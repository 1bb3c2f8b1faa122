"""mlp_peer.py in JAX: the whole step under jit, with optax's AdamW, from the same weights and data, on the CPU.

    mlp_jax_peer.py --steps=4000
"""

import os

# One thread, as everybody else; read when JAX is imported.
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import optax

import mlp_peer
import stopwatch


def main():
    options = mlp_peer.parse_options(["jit"])
    x, y = (each.numpy() for each in mlp_peer.draw_data(options))
    parameters = {name: value.detach().numpy() for name, value in mlp_peer.make_net().named_parameters()}
    transformation = optax.adamw(1e-3, weight_decay=1e-2)
    if options.clip:
        transformation = optax.chain(optax.clip_by_global_norm(options.clip), transformation)
    if options.accumulate > 1:
        transformation = optax.MultiSteps(transformation, options.accumulate)

    def loss_of(parameters, inputs, targets):
        hidden = jax.nn.relu(inputs @ parameters["0.weight"].T + parameters["0.bias"])
        logits = hidden @ parameters["2.weight"].T + parameters["2.bias"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, targets).mean()

    def step(parameters, state, inputs, targets):
        loss, gradients = jax.value_and_grad(loss_of)(parameters, inputs, targets)
        updates, state = transformation.update(gradients, state, parameters)
        return optax.apply_updates(parameters, updates), state, loss

    step = jax.jit(step, donate_argnums=(0, 1))
    parameters = jax.device_put(parameters)
    state = transformation.init(parameters)
    # Not int64, which JAX would convert in each step.
    y = y.astype("int32")
    watch = stopwatch.Stopwatch(mlp_peer.WARM_UP, options.steps, losses=options.losses)
    for row in range(0, len(x), mlp_peer.BATCH):
        batch = slice(row, row + mlp_peer.BATCH)
        parameters, state, loss = step(parameters, state, x[batch], y[batch])
        watch.after_step(loss)


main()
