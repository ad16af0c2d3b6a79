#include "sql_test.hpp"

namespace tajo::sql {
namespace {

using data::Type;
using data::TypeId;

class QueryTest : public SqlTest {
 protected:
  /// name:TYPE of each output.
  std::string outputs(const std::string& sql) {
    const plan::LogicalPlan p = query(sql);
    EXPECT_EQ(check(p), "") << sql;
    std::string out;
    for (std::size_t i = 0; i < p.outputs.size(); ++i)
      out += (i ? " " : "") + p.names[i] + ":" + data::type_name(p.columns[p.outputs[i]].type);
    return out;
  }
};

TEST_F(QueryTest, SelectFromWhereOrderLimit) {
  EXPECT_EQ(plan("select 1"), "project[?column?#0=1](values())");
  EXPECT_EQ(plan("select a, b from t where a = 1 order by b desc limit 5 offset 2"),
            "limit[5, 2](sort[b#1 desc](filter[=(a#0, 1)](scan t)))");
  EXPECT_EQ(plan("select a from t order by c nulls first, 1 desc nulls last"), "sort[c#2 nulls first, a#0 desc nulls last](scan t)");
  EXPECT_EQ(plan("select a + 1 as x from t order by x fetch first 3 rows only"), "limit[3, 0](sort[x#4](project[x#4=+(a#0, 1)](scan t)))");
  EXPECT_EQ(plan("select a from t limit all"), "scan t");
  EXPECT_EQ(plan("table other.t"), "scan t");
  EXPECT_EQ(outputs("select count(*), a + 1, b, b::int, case when true then a end, upper(b), extract(year from d), coalesce(b, ''), exists "
                    "(select 1), "
                    "(select max(e) from u), 'x', current_date from t group by a, b, d"),
            "count:INT8 ?column?:INT4 b:TEXT b:INT4 case:INT4 upper:TEXT extract:DECIMAL(10,0) coalesce:TEXT exists:BOOLEAN max:FLOAT8 "
            "?column?:TEXT current_date:DATE");
  EXPECT_EQ(outputs("select T.A, \"t\".b as \"B\" from T"), "a:INT4 B:TEXT");
}

TEST_F(QueryTest, Grouping) {
  EXPECT_EQ(plan("select a + 1 as x, sum(c) from t group by x having count(*) > 1 order by 2"),
            "sort[sum#5](filter[>(count#6, 1)](group[+(a#0, 1)] sum#5=sum(c#2) count#6=count(*)(scan t)))");
  EXPECT_EQ(plan("select a, a + 1, sum(c) + sum(c) from t group by 1"),
            "project[?column?#6=+(a#4, 1), ?column?#7=+(sum#5, sum#5)](group[a#0] sum#5=sum(c#2)(scan t))");
  EXPECT_EQ(
      plan("select count(distinct a), sum(c) filter (where a > 1), string_agg(b, ',' order by a desc) from t"),
      "group[] count#4=count(distinct a#0) sum#5=sum(c#2) filter >(a#0, 1) string_agg#6=string_agg(b#1, ',' order by a#0 desc)(scan t)");
  EXPECT_EQ(plan("select b from t group by b order by max(a)"), "sort[max#5](group[b#1] max#5=max(a#0)(scan t))");
  EXPECT_EQ(plan("select 1 from t having true"), "project[?column?#4=1](filter[t](group[](scan t)))");
  EXPECT_EQ(plan("select distinct a, b from t order by b"), "sort[b#5](group[a#0, b#1](scan t))");
  EXPECT_EQ(error("select b, a from t group by b"),
            "42803@11 column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function");
  EXPECT_EQ(error("select a from t having b = 'x'"),
            "42803@8 column \"t.a\" must appear in the GROUP BY clause or be used in an aggregate function");
  EXPECT_EQ(error("select sum(a) from t where sum(a) > 1"), "42803@28 aggregate functions are not allowed in WHERE");
  EXPECT_EQ(error("select 1 from t join u on sum(n) = 1"), "42803@27 aggregate functions are not allowed in JOIN conditions");
  EXPECT_EQ(error("select sum(a) x from t group by x"), "42803@8 aggregate functions are not allowed in GROUP BY");
  EXPECT_EQ(error("select sum(sum(a)) from t"), "42803@12 aggregate function calls cannot be nested");
  EXPECT_EQ(error("select a from t group by 2"), "42P10@26 GROUP BY position 2 is not in select list");
  EXPECT_EQ(error("select a from t group by rollup (a)").substr(0, 5), "0A000");
  EXPECT_EQ(error("select distinct a from t order by b"), "42P10@35 for SELECT DISTINCT, ORDER BY expressions must appear in select list");
}

TEST_F(QueryTest, Joins) {
  EXPECT_EQ(plan("select * from t left join u on t.a = u.n and u.b > 'x'"), "left[(=(a#0, n#7) and >(b#5, 'x'))](scan t, scan u)");
  EXPECT_EQ(plan("select * from t cross join u"), "inner(scan t, scan u)");
  EXPECT_EQ(outputs("select * from t join u using (a)"), "a:INT4 b:TEXT c:DECIMAL(15,2) d:DATE b:TEXT e:FLOAT8 n:INT4");
  EXPECT_EQ(outputs("select * from t natural right join u"), "a:INT8 b:TEXT c:DECIMAL(15,2) d:DATE e:FLOAT8 n:INT4");
  EXPECT_EQ(plan("select a, t.a, u.a from t full join u using (a)"),
            "project[a#8=coalesce(a#0::INT8, a#4)](full[=(a#0::INT8, a#4)](scan t, scan u))");
  EXPECT_EQ(outputs("select j.* from (t join u on t.a = u.n) as j (p, q)").substr(0, 13), "p:INT4 q:TEXT");
  EXPECT_EQ(error("select a from t, u"), "42702@8 column reference \"a\" is ambiguous");
  EXPECT_EQ(error("select 1 from t, t"), "42712@18 table name \"t\" specified more than once");
  EXPECT_EQ(plan("select 1 from t, other.t").substr(0, 7), "project") << "the same name in two databases";
  EXPECT_EQ(error("select 1 from t join u using (z)"), "42703@0 column \"z\" specified in USING clause does not exist in left table");
}

TEST_F(QueryTest, SubqueriesBecomeJoins) {
  EXPECT_EQ(plan("select a, (select max(e) from u where u.n = t.a) from t"),
            "dependent single(scan t, group[] max#8=max(e#6)(filter[=(n#7, a#0)](scan u)))");
  EXPECT_EQ(plan("select * from t where a in (select n from u)"), "semi[=(a#0, n#7)](scan t, scan u)");
  EXPECT_EQ(plan("select * from t where exists (select 1 from u where n = t.a) and b = 'x'"),
            "filter[=(b#1, 'x')](dependent semi(scan t, project[?column?#8=1](filter[=(n#7, a#0)](scan u))))");
  EXPECT_EQ(plan("select * from t where not exists (select * from u where n = t.a)"),
            "dependent anti(scan t, filter[=(n#7, a#0)](scan u))");
  EXPECT_EQ(plan("select * from t where a not in (select n from u)"), "anti[=(a#0, n#7)](scan t, scan u)") << "neither side can be NULL";
  EXPECT_EQ(plan("select * from t where a not in (select a from u)"), "filter[not mark#8](mark mark#8[=(a#0::INT8, a#4)](scan t, scan u))");
  EXPECT_EQ(plan("select * from u left join t on t.a = n where t.a not in (select n from u v)").substr(0, 15), "filter[not mark")
      << "an outer join made it nullable";
  EXPECT_EQ(plan("select * from t where a in (select n from u) or b = 'x'"),
            "filter[(mark#8 or =(b#1, 'x'))](mark mark#8[=(a#0, n#7)](scan t, scan u))");
  EXPECT_EQ(plan("select * from t where a > all (select n from u)"), "filter[not mark#8](mark mark#8[<=(a#0, n#7)](scan t, scan u))");
  EXPECT_EQ(plan("select * from t where a < any (select n from u)"), "semi[<(a#0, n#7)](scan t, scan u)");
  EXPECT_EQ(plan("select (a, b) in (select n, b from u) from t"), "mark mark#8[(=(a#0, n#7) and =(b#1, b#5))](scan t, scan u)");
  EXPECT_EQ(plan("select b, (select max(e) from u where u.b = t.b) from t group by b"),
            "dependent single(group[b#1](scan t), group[] max#9=max(e#7)(filter[=(b#6, b#4)](scan u)))");
  EXPECT_EQ(plan("select b from t group by b having sum(c) > (select sum(c) from t)"),
            "filter[>(sum#5, sum#10)](single(group[b#1] sum#5=sum(c#2)(scan t), group[] sum#10=sum(c#8)(scan t)))");
  EXPECT_EQ(plan("select 1 from t join u on t.a in (select n from u v)"),
            "project[?column?#12=1](semi[=(a#0, n#11)](inner(scan t, scan u), scan v))");
  EXPECT_EQ(error("select b, (select 1 from u where u.a = t.a) from t group by b"),
            "42803@40 subquery uses ungrouped column \"t.a\" from outer query");
  EXPECT_EQ(error("select (select a, b from t)"), "42601@8 subquery must return only one column");
  EXPECT_EQ(error("select 1 where 1 in (select a, b from t)"), "42601@18 subquery has too many columns");
}

TEST_F(QueryTest, CorrelationAtAnyDepth) {
  EXPECT_EQ(plan("select a from t where exists (select 1 from u where exists (select 1 from other.t as v where v.z = t.a and v.z = u.n))"),
            "dependent semi(scan t, project[?column?#10=1](dependent semi(scan u, project[?column?#9=1](filter[(=(z#8, a#0) and =(z#8, "
            "n#7))](scan v)))))");
  EXPECT_EQ(plan("select a from t where exists (select 1 from u where exists (select 1 from other.t as v where v.z = t.a))"),
            "dependent semi(scan t, project[?column?#10=1](semi(scan u, project[?column?#9=1](filter[=(z#8, a#0)](scan v)))))")
      << "the inner join uses nothing of its own left side";
}

TEST_F(QueryTest, FromItems) {
  EXPECT_EQ(plan("select * from t left join lateral (select * from u where u.n = t.a limit 1) q on true"),
            "dependent left[t](scan t, limit[1, 0](filter[=(n#7, a#0)](scan u)))");
  EXPECT_EQ(plan("select * from generate_series(1, 10, 2) as g(i), lateral (select sum(a) s from t where t.a < g.i) q"),
            "dependent inner(series g#0(1, 10, 2), group[] sum#5=sum(a#1)(filter[<(a#1, g#0)](scan t)))");
  EXPECT_EQ(outputs("select * from generate_series(1, 10000000000) i"), "i:INT8");
  EXPECT_EQ(outputs("select * from (values (1, 'x'), (2.5, null)) v (i, s)"), "i:DECIMAL(11,1) s:TEXT");
  EXPECT_EQ(plan("with q as (select a, b from t), r(x) as (select a from q) select x from q join r on x = q.a"),
            "inner[=(a#4, a#0)](scan t, scan t)");
  EXPECT_EQ(error("select 1 from (values (1), (2, 3)) v").substr(0, 5), "42601");
  EXPECT_EQ(error("select * from t right join lateral (select * from u where u.a = t.a) q on true").substr(0, 5), "42P01");
  EXPECT_EQ(error("with recursive q as (select 1 union all select 1 from q) select * from q"), "0A000@55 WITH RECURSIVE is not supported");
  EXPECT_EQ(error("with q as (select nosuch from t) select 1"), "42703@19 column \"nosuch\" does not exist") << "unused, but wrong";
  EXPECT_EQ(error("select * from nosuch"), "42P01@15 relation \"nosuch\" does not exist");
  EXPECT_EQ(error("select * from nodb.t"), "42P01@15 relation \"nodb.t\" does not exist");
  EXPECT_EQ(error("select * from t as v (a, b, c, d, e)").substr(0, 5), "42P10");
}

TEST_F(QueryTest, SetOperations) {
  EXPECT_EQ(plan("select a from t union all select n from u union select 3 order by 1 limit 3"),
            "limit[3, 0](sort[a#10](union(union all(scan t, scan u), project[?column?#9=3](values()))))");
  EXPECT_EQ(plan("select n from u union all select a from t union all values (1) union all select 2"),
            "union all(scan u, scan t, values(1), project[?column?#10=2](values()))");
  EXPECT_EQ(plan("select a from t except all select a from u"), "except all(project[a#8=a#0::INT8](scan t), scan u)");
  EXPECT_EQ(plan("select '2020-01-01' intersect select d from t"), "intersect(project[?column?#0='2020-01-01':DATE](values()), scan t)");
  EXPECT_EQ(plan("select null union all select 1"), "union all(project[?column?#0=null:INT4](values()), project[?column?#1=1](values()))");
  EXPECT_EQ(error("select a, b from t union select n from u"), "42601@0 each UNION query must have the same number of columns");
  EXPECT_EQ(error("select a from t union select b from u"), "42804@0 UNION types integer and text cannot be matched");
}

TEST_F(QueryTest, Windows) {
  EXPECT_EQ(plan("select row_number() over (partition by b order by a desc), sum(c) over w from t window w as (order by d)"),
            "window row_number#4=row_number() over (b#1; a#0 desc) sum#5=sum(c#2) over (; d#3)(scan t)");
  EXPECT_EQ(plan("select rank() over (order by sum(a)) from t group by b"),
            "window rank#6=rank() over (; sum#5)(group[b#1] sum#5=sum(a#0)(scan t))");
  EXPECT_EQ(plan("select distinct on (b) b, a from t order by b, c desc"),
            "sort[b#1, c#2 desc](filter[=(row_number#4, 1)](window row_number#4=row_number() over (b#1; b#1, c#2 desc)(scan t)))");
  EXPECT_EQ(error("select 1 from t where row_number() over () = 1"), "42P20@23 window functions are not allowed in WHERE");
  EXPECT_EQ(error("select rank() from t"), "42809@8 window function rank requires an OVER clause");
  EXPECT_EQ(error("select sum(a) over (rows between 1 preceding and current row exclude ties) from t"), "0A000@20 EXCLUDE in a window frame is not supported");
}

TEST_F(QueryTest, Expressions) {
  const auto expression = [&](const std::string& text) {
    const plan::LogicalPlan p = query("select " + text + " from t");
    return print(p, *p.root->expressions.at(0));
  };
  EXPECT_EQ(expression("a between 1 and 3"), "(>=(a#0, 1) and <=(a#0, 3))");
  EXPECT_EQ(expression("a not between 1 and 3"), "(<(a#0, 1) or >(a#0, 3))");
  EXPECT_EQ(expression("a in (1, 2, 3)"), "in(a#0, 1, 2, 3)");
  EXPECT_EQ(expression("b not in ('x', 'y')"), "not in(b#1, 'x', 'y')");
  EXPECT_EQ(expression("b not like 'a%'"), "not like(b#1, 'a%')");
  EXPECT_EQ(expression("b rlike '^a'"), "~(b#1, '^a')");
  EXPECT_EQ(expression("b not regexp 'x$'"), "not ~(b#1, 'x$')");
  EXPECT_EQ(expression("b similar to 'a%|b_'"), "~(b#1, '^(?:a(?s:.*)|b(?s:.))$')");
  EXPECT_EQ(expression("case a when 1 then 'one' else b end"), "case(=(a#0, 1), 'one', b#1)");
  EXPECT_EQ(expression("nullif(a, 1)"), "case(=(a#0, 1), null:INT4, a#0)");
  EXPECT_EQ(expression("(a > 1) is not true"), "not coalesce(>(a#0, 1), f)");
  EXPECT_EQ(expression("a is distinct from 1"), "case(a#0 is null, t, f, t, <>(a#0, 1))");
  EXPECT_EQ(expression("d = '1998-12-01'"), "=(d#3, '1998-12-01':DATE)");
  EXPECT_EQ(expression("date '1998-12-01' - interval '90' day"), "'1998-09-02 00:00:00':TIMESTAMP");
  EXPECT_EQ(expression("extract(year from d)"), "extract('year', d#3)");
  EXPECT_EQ(expression("substring(b from 1 for 2)"), "substr(b#1, 1, 2)");
  EXPECT_EQ(expression("position('x' in b)"), "strpos(b#1, 'x')");
  EXPECT_EQ(expression("trim(leading 'x' from b)"), "ltrim(b#1, 'x')");
  EXPECT_EQ(expression("(a, b) < (1, 'x')"), "(<(a#0, 1) or (=(a#0, 1) and <(b#1, 'x')))");
  EXPECT_EQ(expression("a = any (array[1, 2])"), "(=(a#0, 1) or =(a#0, 2))");
  EXPECT_EQ(expression("c * 0.05"), "*(c#2, 0.05)");
  EXPECT_EQ(expression("123456789012 + 0"), "123456789012");
  EXPECT_EQ(expression("b::varchar(3)"), "b#1::VARCHAR(3)");
  EXPECT_EQ(error("select b + 1 from t"), "42883@10 operator does not exist: text + integer");
  EXPECT_EQ(error("select foo(a) from t"), "42883@8 function foo(integer) does not exist");
  EXPECT_EQ(error("select a from t where a"), "42804@23 argument of WHERE must be type boolean, not type integer");
  EXPECT_EQ(error("select 'x'::int"), "22P02@8 invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(error("select a from t where a = 'x'"), "22P02@27 invalid input syntax for type integer: \"x\"");
  EXPECT_EQ(error("select nosuch from t"), "42703@8 column \"nosuch\" does not exist");
  EXPECT_EQ(error("select t.nosuch from t"), "42703@8 column t.nosuch does not exist");
  EXPECT_EQ(error("select v.a from t"), "42P01@8 missing FROM-clause entry for table \"v\"");
  EXPECT_EQ(error("select 'ä', nosuch"), "42703@13 column \"nosuch\" does not exist");
  EXPECT_EQ(error("select a from t limit -1").substr(0, 5), "2201W");
  EXPECT_EQ(error("select a from t order by 3"), "42P10@26 ORDER BY position 3 is not in select list");
  EXPECT_EQ(error("select t from t").substr(0, 5), "0A000");
  EXPECT_EQ(error("select a as x, b as x from t order by x"), "42702@39 ORDER BY \"x\" is ambiguous");
}

TEST_F(QueryTest, ParametersAreInferredAndTaken) {
  const auto inferred = [&](const std::string& sql) {
    std::string out;
    for (const Type& type : bind(sql).parameters) out += (out.empty() ? "" : " ") + data::type_name(type);
    return out;
  };
  EXPECT_EQ(inferred("select $1, a from t where a = $2 and b like $3 and d in ($4, $5) and $6 between a and 9 limit $7"),
            "TEXT INT4 TEXT DATE DATE INT4 INT8");
  EXPECT_EQ(inferred("select a + $1, $2::date, substr(b, $3), case when true then $4 else c end from t"), "INT4 DATE INT4 DECIMAL(15,2)");
  EXPECT_EQ(inferred("insert into t values ($1, $2, $3, $4)"), "INT4 TEXT DECIMAL(15,2) DATE");
  EXPECT_EQ(inferred("insert into t select $1, $2"), "INT4 TEXT");
  EXPECT_EQ(inferred("select $2 = 1"), "TEXT INT4");
  context_.parameter_types = {Type::of(TypeId::kInt8), Type::decimal(38, 10)};
  const std::vector<data::Value> values = {std::int64_t{42}, static_cast<__int128>(500'000'000)};
  context_.parameters = &values;
  EXPECT_EQ(plan("select a from t where c < $2 limit $1"), "limit[42, 0](filter[<(c#2, 0.05)](scan t))");
  EXPECT_EQ(error("select $3"), "42P02@8 there is no parameter $3");
  EXPECT_EQ(error("select $0"), "42P02@8 there is no parameter $0");
}

class FewTables : public SystemTables {
 public:
  std::optional<data::Schema> schema(const std::string& schema, const std::string& table) const override {
    if ((schema == "information_schema" && table == "cluster") || (schema == "pg_catalog" && table == "pg_class")) {
      data::Schema s;
      s.columns = {{"rank", Type::of(TypeId::kInt4), false}, {"role", Type::of(TypeId::kText), false}};
      return s;
    }
    if (table == "pg_roles") {
      data::Schema s;
      s.columns = {{"oid", Type::of(TypeId::kInt8), false}, {"rolname", Type::of(TypeId::kText), false}};
      return s;
    }
    return std::nullopt;
  }
  std::vector<std::vector<data::Value>> rows(const std::string&, const std::string& table) const override {
    if (table == "pg_roles") return {{std::int64_t{10}, std::string("boss")}};
    return {{std::int64_t{0}, std::string("active")}, {std::int64_t{1}, {}}};
  }
};

TEST_F(QueryTest, SystemTablesAndSessionFunctions) {
  const FewTables tables;
  context_.system_tables = &tables;
  EXPECT_EQ(plan("select role from information_schema.cluster c where c.rank = 0"),
            "filter[=(rank#0, 0)](values(0, 'active'), (1, null:TEXT))");
  EXPECT_EQ(plan("select * from pg_class"), "values(0, 'active'), (1, null:TEXT)");
  EXPECT_EQ(error("select * from information_schema.wibble"), "42P01@15 relation \"information_schema.wibble\" does not exist");
  context_.session_function = [](const std::string& name,
                                 const std::vector<data::Value>& args) -> std::optional<std::pair<Type, data::Value>> {
    if (name != "current_setting") return std::nullopt;
    return std::pair<Type, data::Value>(Type::of(TypeId::kText), "value of " + std::get<std::string>(args.at(0)));
  };
  EXPECT_EQ(plan("select pg_catalog.current_setting('x')"), "project[current_setting#0='value of x'](values())");
  EXPECT_EQ(plan("select current_database(), current_user, current_schema()"),
            "project[current_database#0='default', current_user#1='boss', current_schema#2='public'](values())");
}

TEST_F(QueryTest, WhatPsqlAsksOfTheCatalog) {
  const FewTables tables;
  context_.system_tables = &tables;
  EXPECT_EQ(
      plan("SELECT c.role as \"Name\", CASE c.rank WHEN 0 THEN 'table' END as \"Type\", pg_catalog.pg_get_userbyid(c.rank) as \"Owner\"\n"
           "FROM pg_catalog.pg_class c WHERE c.role OPERATOR(pg_catalog.~) '^(t)$' COLLATE pg_catalog.default\n"
           "AND c.role !~ '^pg_toast' AND pg_catalog.pg_table_is_visible(c.rank) ORDER BY 1,2;"),
      "sort[role#1, Type#4](project[Type#4=case(=(rank#0, 0), 'table')](single[=(oid#2, rank#0::INT8)]("
      "filter[(~(role#1, '^(t)$') and not ~(role#1, '^pg_toast') and (<(rank#0, 13001) or >(rank#0, 13999)))]("
      "values(0, 'active'), (1, null:TEXT)), values(10, 'boss'))))");
}

TEST_F(QueryTest, TajoMatchesWholeStringsInItsOwnMode) {
  context_.tajo_compatibility = true;
  EXPECT_EQ(plan("select a from t where b ~ 'a.c'"), "filter[~(b#1, '^(?:a.c)$')](scan t)");
}

TEST_F(QueryTest, DeepStatementsBindWithinTheirStack) {
  const auto many = [](const std::string& part, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += part;
    return text;
  };
  with_large_stack([&] {
    EXPECT_EQ(error("select a" + many(" + 1", 4'900) + " from t"), "no error");
    EXPECT_EQ(error("select a from t where " + many("a in (select n from u where ", 200) + "true" + many(")", 200)), "no error");
    EXPECT_EQ(error("select a from t" + many(" union all select n from u", 2'000)), "no error");
    EXPECT_EQ(error("with " +
                    [&] {
                      std::string ctes = "q0 as (select 1 as a)";
                      for (int i = 1; i < 40; ++i)
                        ctes += ", q" + std::to_string(i) + " as (select x.a from q" + std::to_string(i - 1) + " x, q" +
                                std::to_string(i - 1) + " y)";
                      return ctes;
                    }() +
                    " select * from q39"),
              "54001@0 statement needs too many operators")
        << "2^39 scans";
  });
}

}  // namespace
}  // namespace tajo::sql
