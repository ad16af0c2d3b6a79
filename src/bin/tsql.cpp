#include "tajo/client/tsql.hpp"

int main(int argc, char** argv) { return tajo::client::run_tsql({argv + 1, argv + argc}); }
