#include "tpch_catalog.hpp"

#include <pthread.h>

#include <cmath>
#include <exception>
#include <fstream>
#include <functional>
#include <sstream>

#include "tajo/plan/explain.hpp"
#include "tajo/common/error.hpp"
#include "tajo/sql/parser.hpp"

namespace tajo::planning_tests {
namespace {

using data::Type;
using data::TypeId;
using data::Value;

struct ColumnSpec {
  std::string name;
  Type type;
  Value min, max;
  double distinct = 0;
  bool sorted_unique = false;
  bool sorted = false;
  double nulls = 0;
};

Value integer(double v) { return static_cast<std::int64_t>(v); }
Value text(const char* s) { return std::string(s); }
Value day(int y, unsigned m, unsigned d) { return static_cast<std::int64_t>(data::days_from_civil(y, m, d)); }

catalog::TablePtr make_table(std::uint64_t number, const std::string& name, double rows, std::uint64_t fragment_rows, const std::vector<ColumnSpec>& columns) {
  auto t = std::make_shared<catalog::Table>();
  t->number = number;
  t->database = "default";
  t->name = name;
  t->version = 1;
  t->source.location = "/warehouse/default/" + name;
  for (const ColumnSpec& c : columns) t->source.schema.columns.push_back({c.name, c.type, false});
  const auto total = static_cast<std::uint64_t>(rows);
  const std::uint64_t parts = std::max<std::uint64_t>(1, (total + fragment_rows - 1) / fragment_rows);
  for (std::uint64_t p = 0; p < parts; ++p) {
    data::FragmentInfo f;
    f.id = static_cast<std::uint32_t>(p + 1);
    f.path = "f" + std::to_string(p) + ".h5";
    f.rows = total / parts + (p < total % parts ? 1 : 0);
    f.bytes = f.rows * 64;
    for (const ColumnSpec& c : columns) {
      data::ColumnStatistics s;
      s.min = c.min;
      s.max = c.max;
      double d = c.distinct;
      if (c.sorted || c.sorted_unique) {  // the fragment's share of the range
        const double lo = static_cast<double>(std::get<std::int64_t>(c.min)), hi = static_cast<double>(std::get<std::int64_t>(c.max)) + 1;
        const double share = (hi - lo) / static_cast<double>(parts);
        s.min = integer(std::floor(lo + share * static_cast<double>(p)));
        s.max = integer(std::floor(lo + share * static_cast<double>(p + 1)) - 1);
        d = c.distinct / static_cast<double>(parts);
      } else if (d < rows) {
        d = d * (1 - std::exp(-static_cast<double>(f.rows) / std::max(1.0, d)));
      }
      s.distinct = static_cast<std::uint64_t>(std::max(1.0, std::min(d, static_cast<double>(f.rows))));
      s.nulls = static_cast<std::uint64_t>(c.nulls * static_cast<double>(f.rows));
      s.strictly_increasing = c.sorted_unique;
      f.columns.push_back(std::move(s));
    }
    t->fragments.push_back(std::move(f));
  }
  return t;
}

catalog::SnapshotPtr snapshot(const std::vector<catalog::TablePtr>& tables) {
  auto database = std::make_shared<catalog::Database>();
  database->number = 1;
  database->name = "default";
  for (const catalog::TablePtr& t : tables) database->tables[t->name] = t;
  auto s = std::make_shared<catalog::Snapshot>();
  s->databases["default"] = database;
  s->lsn = 1;
  return s;
}

/// libpg_query and deep trees need more stack than a test's thread has.
void on_large_stack(const std::function<void()>& f) {
  struct Call {
    const std::function<void()>& f;
    std::exception_ptr error;
  } call{f, nullptr};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, std::size_t{64} << 20);
  pthread_t thread;
  pthread_create(
      &thread, &attributes,
      [](void* p) -> void* {
        auto* c = static_cast<Call*>(p);
        try {
          c->f();
        } catch (...) {
          c->error = std::current_exception();
        }
        return nullptr;
      },
      &call);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  if (call.error) std::rethrow_exception(call.error);
}

}  // namespace

catalog::SnapshotPtr tpch_catalog(double sf, std::uint64_t fragment_rows) {
  const Type i4 = Type::of(TypeId::kInt4), i8 = Type::of(TypeId::kInt8), money = Type::decimal(15, 2), t = Type::of(TypeId::kText), date = Type::of(TypeId::kDate);
  const double S = 10'000 * sf, P = 200'000 * sf, PS = 800'000 * sf, C = 150'000 * sf, O = 1'500'000 * sf, L = 6'001'215 * sf;
  std::vector<catalog::TablePtr> tables;
  auto add = [&](const char* name, double rows, std::vector<ColumnSpec> columns) {
    tables.push_back(make_table(tables.size() + 1, name, rows, fragment_rows, columns));
  };
  add("region", 5, {{"r_regionkey", i4, integer(0), integer(4), 5, true}, {"r_name", t, text("AFRICA"), text("MIDDLE EAST"), 5}, {"r_comment", t, text("a"), text("z"), 5}});
  add("nation", 25,
      {{"n_nationkey", i4, integer(0), integer(24), 25, true}, {"n_name", t, text("ALGERIA"), text("VIETNAM"), 25},
       {"n_regionkey", i4, integer(0), integer(4), 5}, {"n_comment", t, text("a"), text("z"), 25}});
  add("supplier", S,
      {{"s_suppkey", i8, integer(1), integer(S), S, true}, {"s_name", t, text("Supplier#000000001"), text("Supplier#000010000"), S},
       {"s_address", t, text("a"), text("z"), S}, {"s_nationkey", i4, integer(0), integer(24), 25}, {"s_phone", t, text("10"), text("34"), S},
       {"s_acctbal", money, integer(-99966), integer(999272), 9955}, {"s_comment", t, text("a"), text("z"), S}});
  add("customer", C,
      {{"c_custkey", i8, integer(1), integer(C), C, true}, {"c_name", t, text("Customer#1"), text("Customer#9"), C},
       {"c_address", t, text("a"), text("z"), C}, {"c_nationkey", i4, integer(0), integer(24), 25}, {"c_phone", t, text("10"), text("34"), C},
       {"c_acctbal", money, integer(-99999), integer(999999), 140187}, {"c_mktsegment", t, text("AUTOMOBILE"), text("MACHINERY"), 5},
       {"c_comment", t, text("a"), text("z"), C}});
  add("part", P,
      {{"p_partkey", i8, integer(1), integer(P), P, true}, {"p_name", t, text("almond"), text("yellow"), P},
       {"p_mfgr", t, text("Manufacturer#1"), text("Manufacturer#5"), 5}, {"p_brand", t, text("Brand#11"), text("Brand#55"), 25},
       {"p_type", t, text("ECONOMY ANODIZED BRASS"), text("STANDARD POLISHED TIN"), 150}, {"p_size", i4, integer(1), integer(50), 50},
       {"p_container", t, text("JUMBO BAG"), text("WRAP PKG"), 40}, {"p_retailprice", money, integer(90100), integer(209900), 20899},
       {"p_comment", t, text("a"), text("z"), 131753}});
  add("partsupp", PS,
      {{"ps_partkey", i8, integer(1), integer(P), P, false, true}, {"ps_suppkey", i8, integer(1), integer(S), S},
       {"ps_availqty", i4, integer(1), integer(9999), 9999}, {"ps_supplycost", money, integer(100), integer(100000), 99865},
       {"ps_comment", t, text("a"), text("z"), PS}});
  add("orders", O,
      {{"o_orderkey", i8, integer(1), integer(6'000'000 * sf), O, true}, {"o_custkey", i8, integer(1), integer(C - 1), 99996 * sf},
       {"o_orderstatus", t, text("F"), text("P"), 3}, {"o_totalprice", money, integer(85771), integer(55528516), 1464556 * sf},
       {"o_orderdate", date, day(1992, 1, 1), day(1998, 8, 2), 2406}, {"o_orderpriority", t, text("1-URGENT"), text("5-LOW"), 5},
       {"o_clerk", t, text("Clerk#000000001"), text("Clerk#000001000"), 1000 * sf}, {"o_shippriority", i4, integer(0), integer(0), 1},
       {"o_comment", t, text("a"), text("z"), O}});
  add("lineitem", L,
      {{"l_orderkey", i8, integer(1), integer(6'000'000 * sf), O, false, true}, {"l_partkey", i8, integer(1), integer(P), P},
       {"l_suppkey", i8, integer(1), integer(S), S}, {"l_linenumber", i4, integer(1), integer(7), 7},
       {"l_quantity", money, integer(100), integer(5000), 50}, {"l_extendedprice", money, integer(90100), integer(10494950), 933900},
       {"l_discount", money, integer(0), integer(10), 11}, {"l_tax", money, integer(0), integer(8), 9}, {"l_returnflag", t, text("A"), text("R"), 3},
       {"l_linestatus", t, text("F"), text("O"), 2}, {"l_shipdate", date, day(1992, 1, 2), day(1998, 12, 1), 2526},
       {"l_commitdate", date, day(1992, 1, 31), day(1998, 10, 31), 2466}, {"l_receiptdate", date, day(1992, 1, 3), day(1998, 12, 31), 2555},
       {"l_shipinstruct", t, text("COLLECT COD"), text("TAKE BACK RETURN"), 4}, {"l_shipmode", t, text("AIR"), text("TRUCK"), 7},
       {"l_comment", t, text("a"), text("z"), L * 0.75}});
  return snapshot(tables);
}

catalog::SnapshotPtr small_catalog() {
  const Type i4 = Type::of(TypeId::kInt4);
  std::vector<catalog::TablePtr> tables;
  std::uint64_t number = 1;
  for (const char* name : {"t", "u", "v"})
    tables.push_back(make_table(number++, name, 1000, 8'388'608,
                                {{"id", i4, integer(1), integer(1000), 1000, true},
                                 {"a", i4, integer(0), integer(99), 100, false, false, 0.1},
                                 {"b", i4, integer(0), integer(9), 10, false, false, 0.1},
                                 {"c", Type::of(TypeId::kText), text("a"), text("z"), 26, false, false, 0.1},
                                 {"n", i4, integer(0), integer(99), 100}}));
  return snapshot(tables);
}

plan::LogicalPlan bind_query(const std::string& sql, const catalog::SnapshotPtr& catalog) {
  plan::LogicalPlan out;
  on_large_stack([&] {
    sql::BindContext context;
    context.catalog = catalog;
    context.database = "default";
    context.user = "tester";
    auto parsed = sql::parse({sql, 0});
    plan::Statement s = sql::bind(*parsed, context);
    auto* select = std::get_if<plan::SelectStatement>(&s.body);
    if (select == nullptr) throw Error("42601", "not a query");
    out = std::move(select->query);
  });
  return out;
}

plan::PhysicalPlan plan_query(const std::string& sql, const catalog::SnapshotPtr& catalog, const plan::PlannerSettings& settings) {
  return plan::optimize(bind_query(sql, catalog), settings);
}

std::string explain_text(const plan::PhysicalPlan& plan, bool global) {
  std::string out;
  for (const std::string& line : plan::explain(plan, {global, nullptr, {}})) out += line + "\n";
  return out;
}

std::string tpch_query(int number) {
  char name[16];
  std::snprintf(name, sizeof name, "/q%02d.sql", number);
  std::ifstream in(std::string(TAJO_TPCH_QUERIES) + name);
  std::stringstream text;
  text << in.rdbuf();
  std::string sql = text.str();
  while (!sql.empty() && (std::isspace(static_cast<unsigned char>(sql.back())) != 0 || sql.back() == ';')) sql.pop_back();
  return sql;
}

}  // namespace tajo::planning_tests
