"""Records the environments in which Hugging Face Accelerate launches programs, and its flags.

Recorded with Python 3.11, torch 2.11.0 and accelerate 1.15.0 on a machine without a GPU. To run, from
the root of the repository:

    python -m venv /tmp/venv && /tmp/venv/bin/pip install accelerate==1.15.0 torch==2.11.0
    /tmp/venv/bin/python testing/recordings/record_launch_environments.py

Writes in launcher/plan/testdata:

    reference_flags.json         the flags of `accelerate launch`: their names, and for each the
                                 arguments that argparse was given
    reference_environments.json  for each line of CASES the variables that the launcher sets, without
                                 those that torchrun adds; "launcher" is simple, multi_gpu or deepspeed

The environment holds nothing but PATH. Deepspeed, fp8 and a second port check are taken to be there,
because only the variables matter.
"""

import json
import os
import pathlib
import tempfile
from unittest import mock

from accelerate.commands import launch
from accelerate.utils import launch as utils_launch

TESTDATA = pathlib.Path(__file__).parents[2] / "launcher/plan/testdata"
CONFIGS = "launcher/config/testdata/reference"

CASES = [
    "--cpu --num_processes 1",
    "--cpu --num_processes 1 --mixed_precision bf16 --num_cpu_threads_per_process 3 --debug",
    "--multi_gpu --num_processes 2",
    "--multi_gpu --num_processes 2 --gpu_ids 1,3 --mixed_precision fp16 --enable_cpu_affinity",
    "--num_processes 1 --gpu_ids 2",
    "--num_processes 1 --dynamo_backend inductor --dynamo_mode max-autotune --dynamo_use_fullgraph"
    " --dynamo_use_dynamic --dynamo_use_regional_compilation",
    "--use_fsdp --num_processes 2",
    "--use_fsdp --num_processes 2 --fsdp_version 2 --fsdp_reshard_after_forward true"
    " --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP"
    " --fsdp_transformer_layer_cls_to_wrap BertLayer,T5Block --fsdp_state_dict_type SHARDED_STATE_DICT"
    " --fsdp_offload_params TRUE --fsdp_activation_checkpointing true",
    "--use_fsdp --num_processes 2 --fsdp_sharding_strategy SHARD_GRAD_OP --fsdp_min_num_params 2000"
    " --fsdp_backward_prefetch BACKWARD_PRE --fsdp_forward_prefetch true --fsdp_use_orig_params false"
    " --fsdp_cpu_ram_efficient_loading false --fsdp_sync_module_states false",
    "--use_fsdp --fsdp_version 2 --num_processes 4 --use_parallelism_config"
    " --parallelism_config_dp_replicate_size 2 --parallelism_config_cp_size 2",
    "--use_fsdp --fsdp_version 2 --num_processes 4 --use_parallelism_config"
    " --parallelism_config_sp_size 2 --parallelism_config_sp_seq_length 128",
    "--use_megatron_lm --num_processes 2",
    "--use_megatron_lm --num_processes 2 --megatron_lm_tp_degree 2 --megatron_lm_pp_degree 2"
    " --megatron_lm_num_micro_batches 4 --megatron_lm_sequence_parallelism true"
    " --megatron_lm_gradient_clipping 0.5 --megatron_lm_recompute_activations true"
    " --megatron_lm_use_distributed_optimizer true --megatron_lm_recompute_num_layers 3",
    "--use_deepspeed --num_processes 2 --zero_stage 3 --gradient_accumulation_steps 4"
    " --gradient_clipping 0.5 --offload_optimizer_device CPU --offload_param_device none"
    " --zero3_init_flag true --zero3_save_16bit_model false --deepspeed_moe_layer_cls_names A,B",
    "--multi_gpu --num_processes 2 --mixed_precision fp8 --fp8_backend te --fp8_format E4M3"
    " --fp8_override_linear_precision true,false,true --fp8_use_autocast_during_eval",
    f"--config_file {CONFIGS}/cpu.yaml",
    f"--config_file {CONFIGS}/multi_gpu.yaml",
    f"--config_file {CONFIGS}/multi_gpu.yaml --num_processes 3 --mixed_precision no",
    f"--config_file {CONFIGS}/fsdp1.yaml",
    f"--config_file {CONFIGS}/fsdp2.yaml",
    f"--config_file {CONFIGS}/fsdp2.yaml --fsdp_offload_params true",
    f"--config_file {CONFIGS}/fsdp2_parallelism.yaml",
    f"--config_file {CONFIGS}/dynamo.yaml",
    f"--config_file {CONFIGS}/dynamo_customized.yaml",
    f"--config_file {CONFIGS}/megatron.yaml",
    f"--config_file {CONFIGS}/deepspeed.yaml",
    f"--config_file {CONFIGS}/fp8.yaml",
]


def record_flags():
    flags = []
    parser = launch.launch_command_parser()
    for group in parser._action_groups:
        for action in group._group_actions:
            if action.option_strings:
                flags.append(
                    {
                        "names": action.option_strings,
                        "takes_value": action.nargs != 0,
                        "choices": list(action.choices) if action.choices else [],
                        "type": getattr(action.type, "__name__", ""),
                    }
                )
    return flags


def record_environment(line):
    # The parser notes which flags were typed only where it reads sys.argv itself.
    words = line.split() + ["train.py"]
    with mock.patch("sys.argv", ["accelerate-launch", *words]):
        args = launch.launch_command_parser().parse_args(words)
    args, defaults, precision_is_from_config = launch._validate_launch_command(args)
    launcher = "simple"
    if args.use_deepspeed and not args.cpu:
        fields = list(defaults.deepspeed_config) if defaults else []
        fields += ["mixed_precision"] if precision_is_from_config else []
        args.deepspeed_fields_from_accelerate_config = ",".join(fields)
        launcher = "deepspeed"
        _, variables = utils_launch.prepare_deepspeed_cmd_env(args)
    elif (args.use_fsdp or args.use_megatron_lm or args.multi_gpu) and not args.cpu:
        launcher = "multi_gpu"
        variables = utils_launch.prepare_multi_gpu_env(args)
    else:
        _, variables = utils_launch.prepare_simple_launcher_cmd_env(args)
    variables = {name: value for name, value in variables.items() if name != "PATH"}
    if "PYTHONPATH" in variables:
        variables["PYTHONPATH"] = variables["PYTHONPATH"].replace(os.getcwd(), "WORKING_FOLDER")
    return {"line": line, "launcher": launcher, "variables": variables}


def write(name, value):
    TESTDATA.mkdir(exist_ok=True)
    (TESTDATA / name).write_text(json.dumps(value, indent=1) + "\n")


def main():
    write("reference_flags.json", record_flags())
    with tempfile.TemporaryDirectory() as home:
        clean = {"PATH": os.environ["PATH"], "HF_HOME": home}
        cases = []
        for line in CASES:
            with mock.patch.dict(os.environ, clean, clear=True), mock.patch.object(
                utils_launch, "is_fp8_available", lambda: True
            ), mock.patch.object(utils_launch, "is_port_in_use", lambda port: False), mock.patch.object(
                launch, "default_config_file", os.path.join(home, "none.yaml")
            ), mock.patch("psutil.cpu_count", lambda logical: 1):
                case = record_environment(line)
                case["variables"].pop("HF_HOME", None)
                cases.append(case)
        write("reference_environments.json", cases)


main()
