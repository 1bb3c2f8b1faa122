# Made by `accelerate launch --print mpi`, for Open MPI. The file `hosts` has a line for
# each host, such as `node-0 slots=2`; mpirun is to run on the first one, or to be
# told its name by -x MASTER_ADDR=NAME.
# OMP_NUM_THREADS may be the cores of a host, divided by its processes.
mpirun --hostfile hosts --npernode 2 -n 2 --bind-to socket -x ACCELERATE_USE_CPU=True -x KMP_BLOCKTIME=1 -x OMP_NUM_THREADS=3 my_model
