//! The whole process, from an admitted folder to the end that a signal asks for.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::peer::PATIENCE;
use super::site::{anywhere, enrolled};
use crate::boot;

#[tokio::test]
async fn a_node_serves_until_a_signal_and_ends_well() {
    let (_root, folder, _town, _authority) = enrolled();
    for _ in 0..2 {
        let (say, ready) = oneshot::channel();
        let folder = folder.clone();
        let say = std::sync::Mutex::new(Some(say));
        let ready_once = move |ready| {
            if let Some(say) = say.lock().unwrap().take() {
                say.send(ready).unwrap();
            }
        };
        let node = tokio::spawn(async move { boot::run(&folder, &anywhere(), ready_once).await });
        let ready = tokio::time::timeout(PATIENCE, ready).await.unwrap().unwrap();
        let health = get(ready.web, "/healthz").await;
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
        assert!(health.contains("\"state\":\"serving\"") && health.contains(&ready.node.to_hex()));
        let metrics = get(ready.web, "/metrics").await;
        assert!(metrics.contains("\nvauban_applied_index "), "{metrics}");
        assert!(get(ready.web, "/").await.starts_with("HTTP/1.1 200"));
        assert!(get(ready.web, "/nothing").await.starts_with("HTTP/1.1 404"));
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        let ended = tokio::time::timeout(PATIENCE, node).await.unwrap().unwrap();
        assert!(ended.is_ok(), "{ended:?}");
    }
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = stream.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap().unwrap();
    answer
}
