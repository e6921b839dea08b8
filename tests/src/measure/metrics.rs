//! What a program says of itself under `/metrics`, in the text format of Prometheus.

use anyhow::{Context, Result};

/// The figures of a program at one moment.
#[derive(Debug)]
pub struct Metrics(String);

impl Metrics {
    /// Asks for them at `url`.
    pub async fn of(http: &reqwest::Client, url: &str) -> Result<Self> {
        let answer = http.get(url).send().await?.error_for_status()?;
        Ok(Self(answer.text().await?))
    }

    /// The figure of that name, which has no labels.
    pub fn get(&self, name: &str) -> Result<u64> {
        let mut values = self
            .0
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = values.next().with_context(|| format!("no metric {name}"))?;
        value.parse().with_context(|| format!("{name} is {value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_found_by_its_whole_name() {
        let metrics = Metrics("# HELP a words\n# TYPE a gauge\nab 1\na 2\n".into());
        assert_eq!(metrics.get("a").unwrap(), 2);
        assert_eq!(metrics.get("ab").unwrap(), 1);
        assert!(metrics.get("b").is_err());
    }
}
