//! Prints the statement behind `GET /tasks` as the application sends it, for `make bench` to give
//! to pgbench. `$1` stands for the limit, `$2` for the offset.

use taskfleet::db::tasks::list_statement;
use taskfleet::domain::page::Page;
use taskfleet::domain::task::TaskFilter;

fn main() {
    let page = Page {
        number: 1,
        limit: 10,
    };
    let statement = list_statement(&TaskFilter::default(), page);
    println!("{}", statement.sql().as_str());
}
