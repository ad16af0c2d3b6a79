#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include "doctor_facts.hpp"
#include "doctor_finding.hpp"
#include "doctor_hosts.hpp"
#include "doctor_lookup.hpp"
#include "doctor_race.hpp"

namespace tajo::host {
namespace {

HostNeeds needs() {
  HostNeeds n;
  n.ranks = 4;
  n.world_size = 8;
  n.max_connections = 500;
  n.ports = {{"tajo.master.client-rpc.address", 26002}};
  n.slurm_hosts = {"h1", "h2"};
  return n;
}

HostFacts healthy() {
  HostFacts f;
  f.shm_bytes = f.shm_free_bytes = std::int64_t{1} << 30;
  f.descriptors = 65536;
  f.memory_bytes = std::uint64_t{8} << 30;
  return f;
}

/// The one finding that is not kOk; its text.
std::string only_complaint(const HostNeeds& n, const HostFacts& f, Grade grade, const std::string& subject) {
  std::string text;
  int complaints = 0;
  for (const Finding& finding : judge("h1", n, f)) {
    if (finding.grade == Grade::kOk) continue;
    ++complaints;
    EXPECT_EQ(finding.grade, grade) << finding.text;
    EXPECT_EQ(finding.subject, subject) << finding.text;
    EXPECT_FALSE(finding.remedy.empty()) << finding.text;
    text = finding.text;
  }
  EXPECT_EQ(complaints, 1);
  return text;
}

TEST(DoctorJudge, a_healthy_host_has_no_complaint) {
  const auto findings = judge("h1", needs(), healthy());
  EXPECT_GE(findings.size(), 4u);
  for (const Finding& f : findings) EXPECT_EQ(f.grade, Grade::kOk) << f.text;
}

TEST(DoctorJudge, shared_memory_too_small_and_leftovers) {
  HostFacts f = healthy();
  f.shm_free_bytes = 16 << 20;
  EXPECT_NE(only_complaint(needs(), f, Grade::kError, "/dev/shm").find("64 MiB needed"), std::string::npos);
  f = healthy();
  f.shm_leftovers = {"/dev/shm/sm_segment.a"};
  EXPECT_NE(only_complaint(needs(), f, Grade::kWarning, "/dev/shm").find("sm_segment.a"), std::string::npos);
}

TEST(DoctorJudge, limits_that_are_too_low) {
  HostFacts f = healthy();
  f.descriptors = 1024;
  only_complaint(needs(), f, Grade::kError, "descriptors");
  f.descriptors = 2000;
  only_complaint(needs(), f, Grade::kWarning, "descriptors");
  f.descriptors = -1;
  EXPECT_EQ(judge("h1", needs(), f)[1].grade, Grade::kOk);
  f = healthy();
  f.threads_limit = 1000;
  f.threads_used = 800;
  EXPECT_NE(only_complaint(needs(), f, Grade::kError, "limits").find("800 of 1000"), std::string::npos);
  f = healthy();
  f.file_size = 1 << 30;
  only_complaint(needs(), f, Grade::kError, "limits");
}

TEST(DoctorJudge, locked_memory_matters_with_infiniband_only) {
  HostFacts f = healthy();
  f.locked_memory = 64 << 10;
  for (const Finding& finding : judge("h1", needs(), f)) EXPECT_EQ(finding.grade, Grade::kOk) << finding.text;
  f.infiniband = true;
  only_complaint(needs(), f, Grade::kWarning, "limits");
}

TEST(DoctorJudge, ports_memory_and_directories) {
  HostFacts f = healthy();
  f.busy_ports = {{"tajo.master.client-rpc.address", 26002}};
  EXPECT_NE(only_complaint(needs(), f, Grade::kError, "ports").find("26002"), std::string::npos);
  HostNeeds n = needs();
  n.worker_memory_bytes = std::uint64_t{16} << 30;
  only_complaint(n, healthy(), Grade::kError, "memory");
  f = healthy();
  f.bad_directories = {{"/nowhere", "No such file or directory"}};
  EXPECT_NE(only_complaint(needs(), f, Grade::kError, "tmpdir").find("/nowhere"), std::string::npos);
}

TEST(DoctorJudge, hosts_outside_the_allocation) {
  HostFacts f = healthy();
  f.allocation_hosts = {"h1", "h3"};
  EXPECT_NE(only_complaint(needs(), f, Grade::kError, "Slurm").find("h2"), std::string::npos);
  f.allocation_hosts = {"h1.site", "h2.site"};
  EXPECT_EQ(judge("h1", needs(), f).back().grade, Grade::kOk);
}

TEST(DoctorRace, one_winner_a_slot) {
  const std::vector<std::string> slots = {"a", "b", "a"};
  EXPECT_EQ(judge_race("h1,h2", {"a", slots, "", 1000}, {"b", slots, "", 1000}, slots).grade, Grade::kOk);
}

TEST(DoctorRace, every_wrong_outcome_is_an_error) {
  const std::vector<std::string> kept = {"a", "b"};
  auto wrong = [&](const RaceLog& one, const RaceLog& other, const std::vector<std::string>& links) {
    const Finding f = judge_race("h1,h2", one, other, links);
    EXPECT_EQ(f.grade, Grade::kError);
    EXPECT_FALSE(f.remedy.empty());
    return f.text;
  };
  EXPECT_NE(wrong({"a", {"a", "a"}, "", 1}, {"b", {"a", "b"}, "", 1}, kept).find("both created slot 1"), std::string::npos);
  EXPECT_NE(wrong({"a", {"a", "b"}, "", 1}, {"b", {"a", "a"}, "", 1}, kept).find("nobody created slot 1"), std::string::npos);
  EXPECT_NE(wrong({"a", {"a", ""}, "", 1}, {"b", {"a", "b"}, "", 1}, kept).find("does not read the same"), std::string::npos);
  EXPECT_NE(wrong({"a", {"a", "b"}, "", 1}, {"b", {"a", "b"}, "", 1}, {"a", "a"}).find("changed after"), std::string::npos);
  EXPECT_NE(wrong({"a", {}, "slot-0: Operation not permitted", 1}, {"b", {"b"}, "", 1}, kept).find("not permitted"), std::string::npos);
  EXPECT_NE(wrong({"a", {}, "", 1}, {"b", {"b"}, "", 1}, kept).find("no slot"), std::string::npos);
}

TEST(DoctorRace, two_racers_on_this_filesystem) {
  char directory[] = "/tmp/tajo-doctor-race-XXXXXX";
  ASSERT_NE(::mkdtemp(directory), nullptr);
  RaceLog one, other;
  {
    std::jthread rival([&] { other = race(directory, "b", kRaceUs); });
    one = race(directory, "a", kRaceUs);
  }
  EXPECT_LE(one.winners.size(), static_cast<std::size_t>(kRaceSlots));
  const Finding f = judge_race("here", one, other, read_slots(directory));
  EXPECT_EQ(f.grade, Grade::kOk) << f.text;
  std::filesystem::remove_all(directory);
}

TEST(DoctorRace, stale_look_ups_are_said) {
  EXPECT_EQ(judge_look_ups("h2", 3000, true).grade, Grade::kOk);
  EXPECT_NE(judge_look_ups("h2", 300'000, true).text.find("300 ms"), std::string::npos);
  EXPECT_EQ(judge_look_ups("h2", 300'000, true).grade, Grade::kWarning);
  EXPECT_EQ(judge_look_ups("h2", 500'000, false).grade, Grade::kWarning);
}

TEST(DoctorFinding, travels_as_one_line) {
  const Finding f{Grade::kWarning, "h1", "limits", "two\nlines", "do this"};
  const auto back = decode_finding(encode(f));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->text, "two lines");
  EXPECT_EQ(back->remedy, "do this");
  EXPECT_EQ(back->grade, Grade::kWarning);
  EXPECT_FALSE(decode_finding("some line of mpirun").has_value());
  EXPECT_FALSE(decode_finding("").has_value());
}

TEST(DoctorHosts, slurm_lists) {
  using V = std::vector<std::string>;
  EXPECT_EQ(expand_host_list("h[1-3,07],login"), (V{"h1", "h2", "h3", "h07", "login"}));
  EXPECT_EQ(expand_host_list("n[08-11]"), (V{"n08", "n09", "n10", "n11"}));
  EXPECT_EQ(expand_host_list("one"), V{"one"});
  EXPECT_TRUE(expand_host_list("").empty());
  EXPECT_TRUE(same_host("h1", "h1.site"));
  EXPECT_TRUE(same_host("h1.site", "h1"));
  EXPECT_FALSE(same_host("h1", "h10"));
}

TEST(Doctor, NamesAreLookedUpAtOnceWithinTheirTime) {
  std::atomic<int> inside{0};
  const std::size_t count = 10;
  std::vector<std::string> names(count, "slow");
  names.emplace_back("nowhere");
  // Each waits for all others: they could not end one after the other.
  const auto answers = look_up(names, 20'000'000, [&](const std::string& name) {
    ++inside;
    while (inside < static_cast<int>(count) + 1) std::this_thread::yield();
    return name == "slow";
  });
  EXPECT_EQ(std::count(answers.begin(), answers.end(), Lookup::kKnown), static_cast<std::ptrdiff_t>(count));
  EXPECT_EQ(answers.back(), Lookup::kUnknown);
}

TEST(Doctor, ANameServerThatDoesNotAnswerIsNotWaitedFor) {
  auto released = std::make_shared<std::promise<void>>();
  const auto wait = released->get_future().share();
  const auto answers = look_up({"known", "silent"}, 200'000, [wait](const std::string& name) {
    if (name == "silent") wait.wait();
    return true;
  });
  EXPECT_EQ(answers, (std::vector{Lookup::kKnown, Lookup::kUnanswered}));
  released->set_value();
}

}  // namespace
}  // namespace tajo::host
