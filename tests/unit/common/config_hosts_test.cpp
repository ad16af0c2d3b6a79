#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

namespace tajo {
namespace {

struct ConfigHosts : ::testing::Test {
  ConfigHosts() {
    char name[] = "/tmp/tajo-config-XXXXXX";
    directory = ::mkdtemp(name);
    std::ofstream(directory + "/masters") << "a\nb\n";
    std::ofstream(directory + "/workers") << "b slots=2\nc slots=3\n";
    std::ofstream(directory + "/tajo-site.xml") << "<configuration><property><name>tajo.cluster.spares</name><value>3</value></property></configuration>";
    config = Config::load(directory);
  }
  ~ConfigHosts() override { std::filesystem::remove_all(directory); }
  static std::string told(const Config& c) {
    std::string out;
    for (const MasterLine& m : c.masters()) out += m.host + ":" + std::to_string(m.client_port) + " ";
    for (const WorkerLine& w : c.workers()) out += w.host + "=" + std::to_string(w.slots) + " ";
    return out;
  }
  std::string directory;
  Config config;
};

TEST_F(ConfigHosts, KeepsWhatLiesOnTheSurvivors) {
  EXPECT_EQ(config.hosts(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(told(config.on_hosts({"b", "c"})), "b:26002 b=2 c=3 ");
  EXPECT_EQ(told(config.on_hosts({"c"})), "c:26002 c=3 ") << "somebody must be master";
  EXPECT_EQ(told(config.on_hosts({"a"})), "a:26002 a=1 ") << "somebody must work";
  EXPECT_THROW(config.on_hosts({}), Error);
}

TEST_F(ConfigHosts, SpreadsAnotherNumberOfWorkers) {
  EXPECT_EQ(told(config.with_workers(3)), "a:26002 b:26002 b=2 c=1 ");
  EXPECT_EQ(told(config.with_workers(1)), "a:26002 b:26002 b=1 ");
}

TEST_F(ConfigHosts, NoHostsLossTakesAllSpares) {
  auto spares = [](const Config& c) {
    std::string out;
    for (const WorkerLine& line : c.spare_lines()) out += line.host + "=" + std::to_string(line.slots) + " ";
    return out;
  };
  EXPECT_EQ(spares(config), "c=2 b=1 ");
  EXPECT_EQ(spares(config.on_hosts({"a", "b"})), "b=3 ");
  EXPECT_EQ(spares(config.with_workers(1)), "b=3 ");
}

}  // namespace
}  // namespace tajo
