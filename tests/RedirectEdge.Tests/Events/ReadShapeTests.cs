using Microsoft.AspNetCore.Http;
using Tracking.Contracts;
using Tracking.Links;
using Tracking.RedirectEdge.Events;

namespace Tracking.RedirectEdge.Tests.Events;

public sealed class ReadShapeTests
{
    private const string Chrome =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    private const string Brands = "\"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"";

    [Fact]
    public void A_browsers_click_fits()
    {
        var shape = Read(LinkKind.Click, true, ("User-Agent", Chrome), ("sec-ch-ua", Brands),
            ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("Accept-Language", "de"));

        Assert.Equal(new RequestShape(FetchMetadata.Fits, ClientHints.Agree, false, true), shape);
    }

    [Theory]
    [InlineData(LinkKind.Open, "no-cors", "image", FetchMetadata.Fits)]
    [InlineData(LinkKind.Click, "no-cors", "image", FetchMetadata.Other)]
    [InlineData(LinkKind.Open, "navigate", "document", FetchMetadata.Other)]
    [InlineData(LinkKind.Click, "cors", "empty", FetchMetadata.Other)]
    public void Fetch_metadata_is_compared_with_what_was_asked_for(
        LinkKind kind, string mode, string destination, FetchMetadata expected) =>
        Assert.Equal(
            expected, Read(kind, true, ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", destination)).Fetch);

    [Theory]
    [InlineData(true, FetchMetadata.NoneOverHttps)]
    [InlineData(false, FetchMetadata.NoneOverHttp)]
    public void A_bare_request_has_no_shape_but_its_scheme(bool isHttps, FetchMetadata expected) =>
        Assert.Equal(new RequestShape(expected, ClientHints.None, false, false), Read(LinkKind.Click, isHttps));

    [Theory]
    [InlineData("Sec-Purpose", "prefetch", true)]
    [InlineData("Sec-Purpose", "prefetch;prerender", true)]
    [InlineData("Purpose", "prefetch", true)]
    [InlineData("X-Moz", "prefetch", true)]
    [InlineData("X-Purpose", "prefetch", false)]
    [InlineData("Sec-Purpose", "", false)]
    public void Loading_ahead_is_seen_in_every_form(string header, string value, bool expected) =>
        Assert.Equal(expected, Read(LinkKind.Click, true, (header, value)).IsPrefetch);

    [Theory]
    [InlineData(Chrome, "\"Chromium\";v=\"138\"", ClientHints.Contradict)]
    [InlineData(Chrome, "\"Chromium\";v=\"1420\"", ClientHints.Contradict)]
    [InlineData("Mozilla/5.0 (X11; rv:145.0) Gecko/20100101 Firefox/145.0", Brands, ClientHints.Contradict)]
    [InlineData("Chrome/", Brands, ClientHints.Contradict)]
    [InlineData(Chrome, "v=\"", ClientHints.Contradict)]
    [InlineData(Chrome, Brands, ClientHints.Agree)]
    public void Client_hints_are_compared_with_the_user_agent(string agent, string brands, ClientHints expected) =>
        Assert.Equal(expected, Read(LinkKind.Click, true, ("User-Agent", agent), ("Sec-CH-UA", brands)).Hints);

    private static RequestShape Read(LinkKind kind, bool isHttps, params (string Name, string Value)[] headers)
    {
        var context = new DefaultHttpContext();
        context.Request.IsHttps = isHttps;
        foreach (var (name, value) in headers)
        {
            context.Request.Headers[name] = value;
        }

        return RequestShape.Unpack(ReadShape.Of(context.Request, kind))!.Value;
    }
}
