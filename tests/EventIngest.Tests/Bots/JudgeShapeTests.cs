using System.Text;
using Tracking.Contracts;
using Tracking.Database.Entities;
using Tracking.EventIngest.Bots;
using Tracking.Links;

namespace Tracking.EventIngest.Tests.Bots;

public sealed class JudgeShapeTests
{
    private const string Chrome =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

    private const string Firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

    private const string OldSafari = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/605.1.15 "
        + "(KHTML, like Gecko) Version/13.1.2 Safari/605.1.15";

    private static readonly RequestShape _browser = new(FetchMetadata.Fits, ClientHints.Agree, false, true);

    [Fact]
    public void A_whole_browser_is_a_person()
    {
        var judged = Judge(Chrome, _browser);

        Assert.Equal((Verdict.Human, -50), (judged.Verdict, judged.Score));
    }

    [Fact]
    public void A_browser_whose_request_says_that_it_loads_ahead_is_a_prefetch()
    {
        var judged = Judge(Chrome, _browser with { IsPrefetch = true });

        Assert.Equal((Verdict.Prefetch, "browser says-prefetch fits-fetch-metadata"), (judged.Verdict, Codes(judged)));
    }

    [Theory]
    [InlineData(Chrome, "browser no-fetch-metadata no-client-hints no-language", Verdict.Unknown)]
    [InlineData(Firefox, "browser no-fetch-metadata no-language", Verdict.Human)]
    [InlineData(OldSafari, "browser no-language", Verdict.Human)]
    public void A_bare_request_over_https_in_a_browsers_name_is_said_so(string agent, string codes, Verdict verdict)
    {
        var judged = Judge(agent, new RequestShape(FetchMetadata.NoneOverHttps, ClientHints.None, false, false));

        Assert.Equal((verdict, codes), (judged.Verdict, Codes(judged)));
    }

    [Fact]
    public void Over_http_browsers_send_less_and_nothing_is_missed()
    {
        var judged = Judge(Chrome, new RequestShape(FetchMetadata.NoneOverHttp, ClientHints.None, false, true));

        Assert.Equal("browser", Codes(judged));
    }

    [Fact]
    public void No_shape_makes_a_machine_of_a_browser_that_does_not_load_ahead()
    {
        for (byte packed = 0; packed < 64; packed++)
        {
            foreach (var kind in new[] { LinkKind.Click, LinkKind.Open, LinkKind.Image })
            {
                foreach (var agent in new[] { Chrome, Firefox, OldSafari })
                {
                    if (RequestShape.Unpack(packed) is not { IsPrefetch: true })
                    {
                        var judged = new ClassifyEvent().Recognise(Encoding.ASCII.GetBytes(agent)).For(kind, packed);
                        Assert.False(judged.Verdict.IsMachine(), $"{kind} {packed}: {Codes(judged)}");
                    }
                }
            }
        }
    }

    [Fact]
    public void A_mail_program_may_send_less()
    {
        var judged = new ClassifyEvent()
            .Recognise("Mozilla/5.0 (X11; rv:140.0) Gecko/20100101 Thunderbird/140.0"u8)
            .For(LinkKind.Open, new RequestShape(FetchMetadata.NoneOverHttps, ClientHints.None, false, false).Pack());

        Assert.Equal((Verdict.Human, "mail-program"), (judged.Verdict, Codes(judged)));
    }

    private static string Codes(Classification judged) =>
        string.Join(' ', judged.Evidence.Select(reason => reason.Code));

    private static Classification Judge(string agent, RequestShape shape) =>
        new ClassifyEvent().Recognise(Encoding.ASCII.GetBytes(agent)).For(LinkKind.Click, shape.Pack());
}
