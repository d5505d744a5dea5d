//! Access to S3: credentials, clients, and the runtime that requests run on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{AppName, IdentityCache, ProvideCredentials, SharedHttpClient};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::access::Access;
use super::address::Address;
use super::refused::{Refused, describe};

/// Threads for requests; they wait most of the time.
const THREADS: usize = 2;
/// Tries at one request, unless the SDK's environment or profile says otherwise.
const TRIES: u32 = 8;
/// The pause before the second try, at most; it doubles.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long finding credentials may take: a process that a profile names may ask a person for a code.
const CREDENTIALS: Duration = Duration::from_secs(60);
/// The Region to ask about a bucket whose Region is unknown.
const ANY_REGION: &str = "us-east-1";

/// S3 with credentials.
#[derive(Debug)]
pub struct Cloud {
    /// Gone only while it is shut down.
    runtime: Option<Runtime>,
    config: SdkConfig,
    pub(super) access: Access,
    clients: Mutex<HashMap<String, Client>>,
}

impl Cloud {
    /// Finds credentials as every AWS tool does: environment, profiles, SSO, web identity,
    /// containers, instances.
    ///
    /// # Errors
    /// Without credentials, in words.
    pub fn connect(access: Access) -> Result<Arc<Cloud>, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("s3")
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start threads for S3: {error}"))?;
        let config = runtime.block_on(loader(&access).load());
        let provider = config.credentials_provider().ok_or("there are no AWS credentials")?;
        runtime.block_on(found_within(CREDENTIALS, provider.provide_credentials()))?;
        let clients = Mutex::default();
        Ok(Arc::new(Cloud { runtime: Some(runtime), config, access, clients }))
    }

    /// What clients of other services are made of.
    pub(in crate::source) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Runs `work` on the runtime, and waits for it. Not to be called from there.
    pub(in crate::source) fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.as_ref().map(|runtime| runtime.block_on(work))
    }

    /// Starts `work` on the runtime.
    pub(super) fn start(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// A client for a bucket, in the bucket's Region.
    ///
    /// # Errors
    /// When there is no such bucket, or nobody answers. A bucket that may not be looked at is no
    /// error: its objects may still be read.
    pub(super) async fn client(&self, address: &Address) -> Result<Client, Refused> {
        let bucket = &address.bucket;
        let known =
            self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let first = self.config.region().map_or(ANY_REGION, |region| region.as_ref()).to_owned();
        let mut client = self.client_in(&first);
        if let Some(region) = region_of(&client, bucket).await?
            && region != first
        {
            client = self.client_in(&region);
        }
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(clients.entry(bucket.clone()).or_insert(client).clone())
    }

    fn client_in(&self, region: &str) -> Client {
        let elsewhere = self.access.endpoint.is_some() || self.config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            .force_path_style(self.access.path_style || elsewhere)
            // Of thousands of requests many may fail in a row: each has its own tries.
            .retry_partition(
                RetryPartition::custom("keytrail").token_bucket(TokenBucket::unlimited()).build(),
            )
            .build();
        Client::from_conf(config)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // Nobody waits for the requests that are still running.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits so long for credentials to be found.
async fn found_within<T>(
    limit: Duration,
    found: impl Future<Output = Result<T, impl std::error::Error + 'static>>,
) -> Result<T, String> {
    match timeout(limit, found).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(format!("no usable AWS credentials: {}", describe(&error))),
        Err(_) => Err(format!(
            "no AWS credentials after {} seconds: what the profile names for them, such as a \
             credential_process, does not answer",
            limit.as_secs()
        )),
    }
}

/// The Region that S3 says a bucket is in.
async fn region_of(client: &Client, bucket: &str) -> Result<Option<String>, Refused> {
    let resource = format!("arn:aws:s3:::{bucket}");
    match client.head_bucket().bucket(bucket).send().await {
        Ok(answer) => Ok(answer.bucket_region),
        Err(error) => {
            let refused = Refused::of(&error, "s3:ListBucket", &resource);
            match refused.status {
                Some(404) => Err(Refused {
                    code: "NoSuchBucket".into(),
                    message: "there is no such bucket".into(),
                    ..refused
                }),
                Some(_) => Ok(refused.region),
                None => Err(refused),
            }
        }
    }
}

fn loader(access: &Access) -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT.min(access.timeout))
        .read_timeout(access.timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts)
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build());
    if std::env::var_os("AWS_MAX_ATTEMPTS").is_none() {
        let retry = RetryConfig::standard()
            .with_max_attempts(TRIES)
            .with_initial_backoff(PAUSE)
            .with_max_backoff(PAUSE_MAX);
        loader = loader.retry_config(retry);
    }
    if let Ok(name) = AppName::new(concat!("keytrail-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &access.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &access.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    loader
}

/// HTTP over ring's TLS, through the proxies that the environment names.
fn http_client() -> SharedHttpClient {
    let proxies = ProxyConfig::from_env();
    Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().tls_provider(Provider::Rustls(CryptoMode::Ring));
        builder.set_connector_settings(settings.cloned());
        builder.set_proxy_config(Some(proxies.clone()));
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_that_never_come_are_given_up() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let never = std::future::pending::<Result<(), std::fmt::Error>>();
        let told = runtime.block_on(found_within(Duration::from_millis(1), never)).unwrap_err();
        assert!(told.contains("credential_process"), "{told}");
        let there = std::future::ready(Ok::<_, std::fmt::Error>(7));
        assert_eq!(runtime.block_on(found_within(CREDENTIALS, there)), Ok(7));
    }
}
