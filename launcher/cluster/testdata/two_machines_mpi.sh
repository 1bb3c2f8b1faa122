# Made by `accelerate launch --print mpi`, for Open MPI. The file `hosts` has a line for
# each host, such as `node-0 slots=4`; run mpirun on the first one, or pass
# its name with -x MASTER_ADDR=NAME.
# OMP_NUM_THREADS can be the cores of a host, divided by its processes.
mpirun --hostfile hosts --npernode 4 -n 8 --bind-to socket -x ACCELERATE_MIXED_PRECISION=bf16 -x ACCELERATE_USE_CPU=False -x OMP_NUM_THREADS=1 bin/My_Model.v2 --name 'it'\''s $(HOME)'
