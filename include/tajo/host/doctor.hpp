#pragma once
#include <string>

namespace tajo::host {

/// `tajo doctor`: what would hinder the first start of the cluster of this configuration directory: configuration, MPI with
/// fault tolerance, and on every host /dev/shm, descriptors, ports, limits, directories, Slurm, and whether the root
/// directory gives each slot of the log to one host only. Prints a line a finding, with its remedy, to stdout.
/// Returns 0 when nothing prevents a start (warnings may stand), 1 otherwise. Takes less than 5 s whatever hangs
/// (TAJO_DOCTOR_PATIENCE in the environment: seconds more).
/// Starts one process a host by mpirun, by the same launch agent (ssh, TAJO_LAUNCH_AGENT) and over the same network as
/// start-tajo.sh; leaves no process and no file behind.
/// `only`: hosts to look at, as start-tajo.sh --hosts and Slurm's compact form take them (`a,h[1-3]`); empty: all of masters
/// and workers.
int run_doctor(const std::string& config_directory, const std::string& only);

/// One rank of that MPI job (`tajo doctor-rank RANKS PATIENCE_S [HOSTS]`, started by run_doctor). Ends the process, but for a
/// world that cannot be used: then 1.
int run_doctor_rank(const std::string& config_directory, int ranks, int patience_s, const std::string& only);

}  // namespace tajo::host
