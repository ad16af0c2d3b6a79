#include "sql_test.hpp"

namespace tajo::sql {

using data::Type;
using data::TypeId;

namespace {

const Type kInt4 = Type::of(TypeId::kInt4), kInt8 = Type::of(TypeId::kInt8), kText = Type::of(TypeId::kText),
           kDate = Type::of(TypeId::kDate), kMoney = Type::decimal(15, 2);
Type varchar(std::uint32_t n) { return Type{TypeId::kVarchar, 0, 0, n}; }
Type fixed(std::uint32_t n) { return Type{TypeId::kChar, 0, 0, n}; }

}  // namespace

void SqlTest::add_table(const std::string& database, const std::string& name, std::vector<data::Column> columns, bool external) {
  catalog::CreateTable record;
  record.database = database;
  record.name = name;
  record.external = external;
  record.source.schema.columns = std::move(columns);
  catalog_.apply({++lsn_, 1, journal::RecordKind::kCatalog, catalog::encode(record)});
  ASSERT_TRUE(catalog_.applied());
}

SqlTest::SqlTest() {
  catalog_.apply({++lsn_, 1, journal::RecordKind::kCatalog, catalog::encode(catalog::CreateDatabase{"other"})});
  catalog_.apply({++lsn_, 1, journal::RecordKind::kCatalog, catalog::encode(catalog::PutUser{{"ada", "", false}})});
  const std::string d = "default";
  add_table(d, "t", {{"a", kInt4, true}, {"b", kText, false}, {"c", kMoney, false}, {"d", kDate, false}});
  add_table(d, "u", {{"a", kInt8, false}, {"b", kText, false}, {"e", Type::of(TypeId::kFloat8), false}, {"n", kInt4, true}});
  add_table(d, "x", {{"a", kInt4, false}}, true);
  add_table("other", "t", {{"z", kInt4, false}});
  add_table(d, "region", {{"r_regionkey", kInt4, true}, {"r_name", fixed(25), true}, {"r_comment", varchar(152), false}});
  add_table(d, "nation",
            {{"n_nationkey", kInt4, true}, {"n_name", fixed(25), true}, {"n_regionkey", kInt4, true}, {"n_comment", varchar(152), false}});
  add_table(d, "supplier",
            {{"s_suppkey", kInt4, true},
             {"s_name", fixed(25), true},
             {"s_address", varchar(40), true},
             {"s_nationkey", kInt4, true},
             {"s_phone", fixed(15), true},
             {"s_acctbal", kMoney, true},
             {"s_comment", varchar(101), true}});
  add_table(d, "customer",
            {{"c_custkey", kInt4, true},
             {"c_name", varchar(25), true},
             {"c_address", varchar(40), true},
             {"c_nationkey", kInt4, true},
             {"c_phone", fixed(15), true},
             {"c_acctbal", kMoney, true},
             {"c_mktsegment", fixed(10), true},
             {"c_comment", varchar(117), true}});
  add_table(d, "part",
            {{"p_partkey", kInt4, true},
             {"p_name", varchar(55), true},
             {"p_mfgr", fixed(25), true},
             {"p_brand", fixed(10), true},
             {"p_type", varchar(25), true},
             {"p_size", kInt4, true},
             {"p_container", fixed(10), true},
             {"p_retailprice", kMoney, true},
             {"p_comment", varchar(23), true}});
  add_table(d, "partsupp",
            {{"ps_partkey", kInt4, true},
             {"ps_suppkey", kInt4, true},
             {"ps_availqty", kInt4, true},
             {"ps_supplycost", kMoney, true},
             {"ps_comment", varchar(199), true}});
  add_table(d, "orders",
            {{"o_orderkey", kInt8, true},
             {"o_custkey", kInt4, true},
             {"o_orderstatus", fixed(1), true},
             {"o_totalprice", kMoney, true},
             {"o_orderdate", kDate, true},
             {"o_orderpriority", fixed(15), true},
             {"o_clerk", fixed(15), true},
             {"o_shippriority", kInt4, true},
             {"o_comment", varchar(79), true}});
  add_table(d, "lineitem",
            {{"l_orderkey", kInt8, true},
             {"l_partkey", kInt4, true},
             {"l_suppkey", kInt4, true},
             {"l_linenumber", kInt4, true},
             {"l_quantity", kMoney, true},
             {"l_extendedprice", kMoney, true},
             {"l_discount", kMoney, true},
             {"l_tax", kMoney, true},
             {"l_returnflag", fixed(1), true},
             {"l_linestatus", fixed(1), true},
             {"l_shipdate", kDate, true},
             {"l_commitdate", kDate, true},
             {"l_receiptdate", kDate, true},
             {"l_shipinstruct", fixed(25), true},
             {"l_shipmode", fixed(10), true},
             {"l_comment", varchar(44), true}});
  context_.catalog = catalog_.snapshot_now();
  context_.database = "default";
  context_.user = "boss";
}

plan::Statement SqlTest::bind(const std::string& sql) { return sql::bind(*parse({sql, 0}), context_); }

std::string SqlTest::plan(const std::string& sql) {
  const plan::LogicalPlan p = query(sql);
  const std::string problem = check(p);
  EXPECT_EQ(problem, "") << sql << "\n" << print(p);
  return print(p);
}

std::string SqlTest::error(const std::string& sql) {
  try {
    bind(sql);
  } catch (const Error& e) {
    return e.sqlstate() + "@" + std::to_string(e.position()) + " " + e.message();
  }
  return "no error";
}

}  // namespace tajo::sql
