//! A connection to an AMQP server, and the channel on it.
//!
//! The client has a thread of its own for each connection, which lives as long as
//! its socket does. So the socket is kept here as well: closing it ends the thread,
//! whatever state the server left it in.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use lapin::tcp::RustlsConnector;
use lapin::uri::{
    AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo, SASLMechanism,
};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties};
use rustls::ClientConfig;

use super::Config;
use crate::deliver::address::Address;
use crate::deliver::secret::SecretRef;
use crate::deliver::stream::{host_of, within};

/// How the server is reached.
pub(super) struct Road {
    config: Config,
    host: String,
    port: u16,
    tls: Option<RustlsConnector>,
    socket: Arc<Mutex<Option<OwnedFd>>>,
}

/// A connection with a channel on it that confirms what is published.
pub(super) struct Line {
    connection: Connection,
    pub(super) channel: Channel,
}

impl Line {
    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

impl Road {
    pub(super) fn new(config: Config, address: &Address, tls: Option<Arc<ClientConfig>>) -> Self {
        let port = address.host_port.rsplit_once(':');
        Self {
            config,
            host: host_of(&address.host_port).to_owned(),
            port: port.and_then(|(_, port)| port.parse().ok()).unwrap_or(0),
            tls: tls.map(RustlsConnector::from),
            socket: Arc::default(),
        }
    }

    /// Connects and has the server confirm what will be published.
    pub(super) async fn connect(&mut self) -> lapin::Result<Line> {
        self.close();
        let uri = self.uri()?;
        let (host, port, tls) = (self.host.clone(), self.port, self.tls.clone());
        let socket = Arc::clone(&self.socket);
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let properties = ConnectionProperties::default().with_connection_name("sensor".into());
        let runtime = lapin::runtime::default_runtime()?;
        let connect = Connection::connector(
            uri,
            runtime,
            async move |_, runtime| {
                let connecting = async {
                    let found = tokio::net::lookup_host((host.as_str(), port)).await?;
                    let found: Vec<SocketAddr> = found.collect();
                    AsyncTcpStream::connect(&runtime, found).await
                };
                let stream = within(timeout, "connecting", connecting).await?;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    let kept = plain.get_ref().as_fd().try_clone_to_owned()?;
                    *socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
                }
                match &tls {
                    Some(tls) => Ok(stream.into_rustls(tls, &host).await?),
                    None => Ok(stream),
                }
            },
            properties,
        );
        let connection = connect.await?;
        let channel = connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Line {
            connection,
            channel,
        })
    }

    /// Ends the connection at once.
    pub(super) fn close(&mut self) {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = socket.take() {
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
        }
    }

    fn uri(&self) -> lapin::Result<AMQPUri> {
        let config = &self.config;
        let password = config.password.as_ref();
        let password = password.map(SecretRef::resolve).transpose();
        let password = password.map_err(|error| io::Error::other(format!("password: {error}")))?;
        let external = config.user.is_none().then_some(SASLMechanism::External);
        Ok(AMQPUri {
            scheme: AMQPScheme::AMQP,
            authority: AMQPAuthority {
                userinfo: AMQPUserInfo {
                    username: config.user.clone().unwrap_or_default(),
                    password: password.map_or_else(String::new, |p| p.expose().to_owned()),
                },
                host: self.host.clone(),
                port: self.port,
            },
            vhost: config.vhost.clone(),
            query: AMQPQueryString {
                heartbeat: Some(config.heartbeat_s),
                auth_mechanism: external,
                ..AMQPQueryString::default()
            },
        })
    }
}
