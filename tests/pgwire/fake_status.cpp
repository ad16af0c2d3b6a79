// What the web page is shown by the fake: every kind of member and query once.
#include "fake_service.hpp"
#include "tajo/common/clock.hpp"

namespace tajo::testing {

std::string FakeService::status_json() {
  std::int64_t now = wall_us() / 1000;
  auto ms = [&](std::int64_t back) { return std::to_string(now - back); };
  return R"({"cluster":{"epoch":7,"view":12,"degraded":true,"now_ms":)" + ms(0) + R"(},"members":[)"
         R"({"rank":0,"host":"node-a.cluster.example","pid":4001,"role":"active","port":26002,"http_port":26080,"cores":8,"memory_mb":16000,"running_tasks":0,"last_heartbeat_ms":120},)"
         R"({"rank":1,"host":"node-b.cluster.example","pid":4002,"role":"backup","port":26002,"http_port":26080,"cores":8,"memory_mb":16000,"running_tasks":0,"last_heartbeat_ms":340},)"
         R"({"rank":2,"host":"node-c.cluster.example","pid":4003,"role":"worker","port":0,"http_port":0,"cores":64,"memory_mb":256000,"memory_used_mb":181000,"running_tasks":12,"last_heartbeat_ms":700},)"
         R"({"rank":3,"host":"node-d.cluster.example","pid":4004,"role":"worker","port":0,"http_port":0,"cores":64,"memory_mb":256000,"memory_used_mb":900,"running_tasks":3,"last_heartbeat_ms":15200},)"
         R"({"rank":4,"host":"node-e.cluster.example","pid":4005,"role":"spare","port":0,"http_port":0,"cores":64,"memory_mb":256000,"running_tasks":0,"last_heartbeat_ms":250}],)"
         R"("queries":[)"
         R"({"query_id":"q_1700000000000_0007","state":"QUERY_RUNNING","user":"alice","sql":"select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, avg(l_extendedprice) as avg_price, count(*) from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day group by 1, 2 order by 1, 2","started_ms":)" + ms(4'200) + R"(,"elapsed_ms":4200,"progress":0.63,"rows_read":38123456,"rows":0,"error":"","epoch":7},)"
         R"({"query_id":"q_1700000000000_0006","state":"QUERY_SUCCEEDED","user":"bob","sql":"select count(*) from orders","started_ms":)" + ms(65'000) + R"(,"elapsed_ms":38,"progress":1,"rows_read":1500000,"rows":1,"error":"","epoch":7},)"
         R"({"query_id":"q_1700000000000_0005","state":"QUERY_FAILED","user":"<script>alert(1)</script>","sql":"select 1 / 0 from \"<b>t</b>\"","started_ms":)" + ms(3'700'000) + R"(,"elapsed_ms":12,"progress":0,"rows_read":0,"rows":0,"error":"division by zero","epoch":6},)"
         R"({"query_id":"q_1700000000000_0004","state":"QUERY_KILLED","user":"bob","sql":"select * from a, b, c","started_ms":)" + ms(90'000'000) + R"(,"elapsed_ms":612000,"progress":0.1,"rows_read":99,"rows":0,"error":"canceling statement due to user request","epoch":6}]})";
}

}  // namespace tajo::testing
