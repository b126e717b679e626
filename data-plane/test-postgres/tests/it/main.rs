//! The test cluster itself: isolation of its databases, and that nothing is left behind.

use test_postgres::TestCluster;

#[tokio::test]
async fn databases_are_copies_of_the_project_template_and_apart() {
    let cluster = TestCluster::shared().await;
    let (one, two) = tokio::join!(cluster.database(), cluster.database());
    one.connect("postgres").await.batch_execute("create table public.t (id int)").await.unwrap();
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(two.connect("postgres").await.query_one(tables, &[]).await.unwrap().get::<_, i64>(0), 0);
    let users = "select count(*) from auth.users";
    assert_eq!(two.connect("supabase_auth_admin").await.query_one(users, &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test]
async fn the_cluster_outlives_the_runtime_of_the_first_test() {
    let database = TestCluster::shared().await.database().await;
    let url = database.url("authenticator");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("set role anon; reset role; set role service_role").await.unwrap();
}
