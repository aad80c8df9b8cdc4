//! Software on endpoints: three generations of the API tell it, and the one that takes the fewest requests is asked.

use sentinelone::{Endpoint, Request};
use serde::{Deserialize, Serialize};

use crate::SyncError;
use crate::checkpoint::{self, Parent};
use crate::fetch::{Meter, Problem};
use crate::pass::{Ask, Left, Pass, Run, count_request};
use crate::position::{PAGE_LIMIT_MAX, Position, Window};
use crate::report::SweepKind;
use crate::verdict::Lasting;

/// Agents that are read from the database at once.
const AGENTS_AT_ONCE: i64 = 10_000;

/// One way of learning what is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Generation {
    /// `/installed-applications`: pages of everything.
    Installed,
    /// `/application-management/inventory/endpoints`: one list for each product.
    ByProduct,
    /// `/agents/applications`: one list for each agent.
    ByAgent,
}

impl Generation {
    const ALL: [Generation; 3] = [Generation::Installed, Generation::ByProduct, Generation::ByAgent];

    pub fn endpoint(self) -> Endpoint {
        match self {
            Generation::Installed => Endpoint::InstalledApplications,
            Generation::ByProduct => Endpoint::ApplicationEndpoints,
            Generation::ByAgent => Endpoint::AgentApplications,
        }
    }

    /// The path, without its first slash, which names it in reports.
    fn name(self) -> &'static str {
        self.endpoint().template().trim_start_matches('/')
    }

    fn from_name(name: &str) -> Option<Generation> {
        Generation::ALL.into_iter().find(|generation| generation.name() == name)
    }
}

/// What a generation would cost, or why it cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    generation: Generation,
    requests: Result<u64, String>,
}

/// The offers that can be taken, the cheapest first; of equal ones the earlier declared.
fn cheapest(offers: &[Offer]) -> Vec<Generation> {
    let mut able: Vec<(u64, Generation)> =
        offers.iter().filter_map(|offer| Some((*offer.requests.as_ref().ok()?, offer.generation))).collect();
    able.sort_by_key(|(requests, _)| *requests);
    able.into_iter().map(|(_, generation)| generation).collect()
}

/// Which generation was taken, and why: what it takes, and what the others would have.
fn in_words(taken: Generation, offers: &[Offer]) -> String {
    let others = offers.iter().filter(|offer| offer.generation != taken).map(|offer| match &offer.requests {
        Ok(requests) => format!("{} would take {requests}", offer.generation.name()),
        Err(why) => format!("{} is not available: {why}", offer.generation.name()),
    });
    let own = offers.iter().find(|offer| offer.generation == taken).and_then(|offer| offer.requests.as_ref().ok());
    let own = own.map_or_else(String::new, |requests| format!("{requests} requests; "));
    format!("{} ({own}{})", taken.name(), others.collect::<Vec<_>>().join("; "))
}

fn pages(records: u64) -> u64 {
    records.div_ceil(u64::from(PAGE_LIMIT_MAX)).max(1)
}

impl Pass<'_> {
    /// Sweeps software by the cheapest generation that answers.
    pub(crate) async fn software(&self, run: &mut Run, meter: &Meter) -> Result<Left, SyncError> {
        // A sweep that was cut off goes on as it began: its place means nothing to another generation.
        if let Some(source) = run.position.source.clone()
            && let Some(generation) = source.split(' ').next().and_then(Generation::from_name)
        {
            run.report.source = Some(source);
            return self.by(generation, run, meter).await;
        }
        let mut offers = Vec::new();
        for generation in Generation::ALL {
            let requests = match self.offer(generation, run, meter).await? {
                Ok(requests) => Ok(requests),
                Err(Problem::Refused(why) | Problem::NotOffered(why)) => Err(why),
                Err(Problem::Lasting(Lasting::NoStream | Lasting::Request, why)) => Err(why),
                Err(Problem::LoseCursor(why) | Problem::TooLarge(why)) => Err(why),
                // The token, or the whole console.
                Err(problem) => return Ok(Left::Stopped { problem, goes_on: true }),
            };
            offers.push(Offer { generation, requests });
        }
        let mut last = None;
        for generation in cheapest(&offers) {
            run.position = Position {
                page: run.position.page,
                source: Some(in_words(generation, &offers)),
                ..Position::begin(Window::ALL)
            };
            run.report.source = run.position.source.clone();
            match self.by(generation, run, meter).await? {
                Left::Stopped { problem: Problem::Refused(why) | Problem::NotOffered(why), .. }
                    if run.report.pages == 0 =>
                {
                    if let Some(offer) = offers.iter_mut().find(|offer| offer.generation == generation) {
                        offer.requests = Err(why.clone());
                    }
                    last = Some(why);
                }
                left => return Ok(left),
            }
        }
        run.report.source = None;
        let whys = offers.iter().filter_map(|offer| {
            let why = offer.requests.as_ref().err()?;
            Some(format!("{}: {why}", offer.generation.name()))
        });
        let why = whys.collect::<Vec<_>>().join("; ");
        let problem = Problem::NotOffered(if why.is_empty() { last.unwrap_or_default() } else { why });
        Ok(Left::Stopped { problem, goes_on: false })
    }

    /// What a generation would cost, in requests.
    async fn offer(&self, generation: Generation, run: &Run, meter: &Meter) -> Result<Result<u64, Problem>, SyncError> {
        let ask = |endpoint| Ask { stream: run.owner.stream, endpoint, kind: SweepKind::Full };
        match generation {
            Generation::Installed => {
                let request = count_request(ask(generation.endpoint()), &Position::begin(Window::ALL));
                Ok(self.fetcher.page(meter, &request, None).await.map(|page| pages(page.total_items.unwrap_or(0))))
            }
            Generation::ByProduct => {
                let mut requests = 0;
                for scope in self.account_scopes().await? {
                    let Some((name, id)) = scope.split_once('=') else { continue };
                    let request =
                        Request::application_inventory().param(name.to_owned(), id).param("countOnly", "true");
                    match self.fetcher.page(meter, &request, None).await {
                        Ok(page) => {
                            let products = page.total_items.unwrap_or(0);
                            requests += pages(products) + products;
                        }
                        Err(problem) => return Ok(Err(problem)),
                    }
                }
                if requests == 0 {
                    return Ok(Err(Problem::NotOffered("no account is known to ask it for".to_owned())));
                }
                Ok(Ok(requests))
            }
            Generation::ByAgent => {
                let (org, id) = (self.integration.org, self.integration.id);
                Ok(Ok(self.read(move |tx| Ok::<_, SyncError>(checkpoint::present(tx, org, id, "agents")?)).await?))
            }
        }
    }

    async fn by(&self, generation: Generation, run: &mut Run, meter: &Meter) -> Result<Left, SyncError> {
        run.endpoint = generation.endpoint();
        let parents = match generation {
            Generation::Installed => return self.pages(run, meter, false).await,
            Generation::ByAgent => self.agents().await?,
            Generation::ByProduct => match self.products(meter).await? {
                Ok(products) => products,
                Err(problem) => return Ok(Left::Stopped { problem, goes_on: true }),
            },
        };
        let from = run.position.cursor.clone();
        let left = parents.into_iter().filter(|parent| Some(&parent.native_id) > from.as_ref()).map(Some).collect();
        let left = self.singles(run, meter, left).await?;
        if matches!(left, Left::Done) {
            let counted = run.position.counted;
            run.position.close_window(0, true);
            run.position.counted = counted;
        }
        Ok(left)
    }

    /// The agents that are there, in the order of their ids.
    async fn agents(&self) -> Result<Vec<Parent>, SyncError> {
        let (org, id) = (self.integration.org, self.integration.id);
        let (mut all, mut after): (Vec<Parent>, String) = (Vec::new(), String::new());
        loop {
            let from = after.clone();
            let some = self
                .read(move |tx| {
                    Ok::<_, SyncError>(checkpoint::native_ids(tx, org, id, "agents", &from, AGENTS_AT_ONCE)?)
                })
                .await?;
            let Some(last) = some.last() else { return Ok(all) };
            after = last.clone();
            all.extend(some.iter().map(|agent| Parent::named(agent)));
        }
    }

    /// The products that the console lists, in the order of their places and names.
    async fn products(&self, meter: &Meter) -> Result<Result<Vec<Parent>, Problem>, SyncError> {
        let mut all = Vec::new();
        for scope in self.account_scopes().await? {
            let Some((name, id)) = scope.split_once('=') else { continue };
            let request = Request::application_inventory()
                .param(name.to_owned(), id)
                .param("sortBy", "applicationName")
                .param("sortOrder", "asc")
                .limit(PAGE_LIMIT_MAX);
            let answer = match self.all_pages(meter, &request).await {
                Ok(answer) => answer,
                Err(problem) => return Ok(Err(problem)),
            };
            for raw in answer.pages.iter().flat_map(|page| page.records()) {
                let Ok(product) = sentinelone::records::Application::decode(raw) else { continue };
                let (Some(name), vendor) = (product.application_name, product.application_vendor) else { continue };
                let vendor = vendor.map(|vendor| vendor.into_owned()).unwrap_or_default();
                all.push(Parent {
                    native_id: format!("{scope}\u{1f}{vendor}\u{1f}{name}"),
                    name: Some(name.into_owned()),
                    vendor: Some(vendor),
                    scope: Some(scope.clone()),
                });
            }
        }
        all.sort_by(|one, other| one.native_id.cmp(&other.native_id));
        all.dedup_by(|one, other| one.native_id == other.native_id);
        Ok(Ok(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(generation: Generation, requests: Result<u64, &str>) -> Offer {
        Offer { generation, requests: requests.map_err(str::to_owned) }
    }

    #[test]
    fn the_generation_with_the_fewest_requests_is_asked_and_the_report_says_why() {
        use Generation::{ByAgent, ByProduct, Installed};
        let offers = [offer(Installed, Ok(157)), offer(ByProduct, Ok(18_452)), offer(ByAgent, Ok(2_095))];
        assert_eq!(cheapest(&offers), [Installed, ByAgent, ByProduct]);
        assert_eq!(
            in_words(Installed, &offers),
            "installed-applications (157 requests; application-management/inventory/endpoints would take 18452; \
             agents/applications would take 2095)"
        );
        let offers = [offer(Installed, Err("403")), offer(ByProduct, Ok(7)), offer(ByAgent, Ok(2_095))];
        assert_eq!(cheapest(&offers), [ByProduct, ByAgent]);
        assert!(in_words(ByProduct, &offers).contains("installed-applications is not available: 403"));
        assert_eq!(cheapest(&[offer(ByAgent, Err("403"))]), []);
    }

    #[test]
    fn a_sweep_that_was_cut_off_knows_its_generation_again() {
        for generation in Generation::ALL {
            let words = in_words(generation, &[offer(generation, Ok(1))]);
            assert_eq!(words.split(' ').next().and_then(Generation::from_name), Some(generation));
        }
    }
}
