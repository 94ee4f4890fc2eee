//! The pictures in docs/screenshots (`scripts/screenshots`).

use crate::{
    pages,
    stage::{Page, repository},
};

/// A laptop, and a phone, in pixels.
const LAPTOP: (u32, u32) = (1360, 900);
const PHONE: (u32, u32) = (500, 900);

async fn take(page: &Page, name: &str) {
    let dir = repository().join("docs/screenshots");
    std::fs::create_dir_all(&dir).unwrap();
    page.until("main").await;
    page.driver.screenshot(&dir.join(format!("{name}.png"))).await.unwrap();
}

#[tokio::test]
#[ignore = "writes into docs: scripts/screenshots"]
async fn screenshots() {
    let stage = pages::stage().await;
    let (page, places) = pages::furnish(&stage).await;
    let outside = stage.browser().await;
    for (lang, theme) in [("en", "light"), ("en", "dark"), ("zh", "light"), ("zh", "dark")] {
        page.driver.set_window_rect(0, 0, LAPTOP.0, LAPTOP.1).await.unwrap();
        page.open(&format!("/?lang={lang}&theme={theme}")).await;
        for place in places.iter().filter(|place| !["filtered", "nothing", "password"].contains(&place.name))
        {
            page.open(&place.path).await;
            take(&page, &format!("{}-{lang}-{theme}", place.name)).await;
        }
        page.driver.set_window_rect(0, 0, PHONE.0, PHONE.1).await.unwrap();
        page.open("/").await;
        take(&page, &format!("phone-{lang}-{theme}")).await;
        outside.open(&format!("/sign-in?lang={lang}")).await;
        take(&outside, &format!("sign-in-{lang}")).await;
    }
    page.close().await;
    outside.close().await;
}
