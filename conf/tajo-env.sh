# Environment of the launch scripts and of every rank. What is already set in the environment wins.
# export TAJO_PID_DIR=/tmp/tajo-$USER-run     # 0700; Unix sockets and pid files, node-local
# export TAJO_LOG_DIR=                        # default: ${tajo.rootdir}/logs
# export TAJO_STOP_TIMEOUT=10                 # s between TERM and KILL
# export TAJO_MPIRUN_ARGS=                    # more options for mpirun
