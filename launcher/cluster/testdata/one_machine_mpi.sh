# Made by `accelerate launch --print mpi`, for Open MPI. The file `hosts` has a line for
# each host, such as `node-0 slots=2`; run mpirun on the first one, or pass
# its name with -x MASTER_ADDR=NAME.
# OMP_NUM_THREADS can be the cores of a host, divided by its processes.
mpirun --hostfile hosts --npernode 2 -n 2 --bind-to socket -x ACCELERATE_USE_CPU=True -x KMP_BLOCKTIME=1 -x OMP_NUM_THREADS=3 my_model
