#pragma once
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>

#include "plan_printer.hpp"
#include "tajo/catalog/catalog.hpp"
#include "tajo/sql/parser.hpp"

namespace tajo::sql {

/// Runs on a thread with the stack that parse() and bind() ask for; what `f` throws is thrown here.
inline void with_large_stack(const std::function<void()>& f) {
  struct Job {
    const std::function<void()>& f;
    std::exception_ptr error;
  } job{f, nullptr};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t{64} << 20);
  pthread_t thread;
  pthread_create(
      &thread, &attributes,
      [](void* data) -> void* {
        Job& j = *static_cast<Job*>(data);
        try {
          j.f();
        } catch (...) {
          j.error = std::current_exception();
        }
        return nullptr;
      },
      &job);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  if (job.error) std::rethrow_exception(job.error);
}

/// A catalog with the tables t(a int4 not null, b text, c numeric(15,2), d date), u(a int8, b text, e float8, n int4 not
/// null), external x(a int4), the TPC-H tables, and databases default and other (with table other.t(z int4)).
class SqlTest : public ::testing::Test {
 protected:
  SqlTest();
  plan::Statement bind(const std::string& sql);
  template <class T>
  T bind_as(const std::string& sql) {
    plan::Statement s = bind(sql);
    return std::move(std::get<T>(s.body));
  }
  plan::LogicalPlan query(const std::string& sql) { return bind_as<plan::SelectStatement>(sql).query; }
  /// The bound query on one line; the plan is checked first.
  std::string plan(const std::string& sql);
  /// "SQLSTATE@position text" of the error the statement gives, or "no error".
  std::string error(const std::string& sql);
  void add_table(const std::string& database, const std::string& name, std::vector<data::Column> columns, bool external = false);

  catalog::Catalog catalog_;
  std::uint64_t lsn_ = 0;
  BindContext context_;
};

}  // namespace tajo::sql
