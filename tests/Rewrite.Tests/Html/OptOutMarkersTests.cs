using System.Text;
using Tracking.Rewrite.Decisions;
using Tracking.Rewrite.Messages;

namespace Tracking.Rewrite.Tests.Html;

/// <summary>The meaning of each marker attribute, in every spelling, and the rest of it after rewriting.</summary>
public sealed class OptOutMarkersTests
{
    private static readonly RewriteRequest[] _requests =
    [
        TestKeys.Request,
        TestKeys.Request with { TrackClicks = ClickTracking.None, TrackOpens = false },
        TestKeys.Request with { Origin = null },
    ];

    public static TheoryData<string, string, string> Attributes()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var name in new[] { "ses:no-track", "data-pm-no-track", "data-no-tracking" })
        {
            Add(name, "opt-out", "", "=\"\"", "=\"true\"", "=1", "=false", "='0'");
        }

        foreach (var name in new[]
        {
            "data-no-track", "disable-tracking", "mc:disable-tracking", "mautic:disable-tracking",
            "data-mautic-disable-tracking",
        })
        {
            Add(name, "opt-out", "", "=\"\"", "=\"true\"", "=1", "=TRUE", "='yes'");
            Add(name, "tracked", "=\"false\"", "=FALSE", "='0'", "=no", "=\" off \"");
        }

        foreach (var name in new[] { "clicktracking", "data-msys-clicktrack" })
        {
            Add(name, "opt-out", "=\"0\"", "=off", "=OFF", "='false'", "=no");
            Add(name, "kept", "", "=\"\"", "=\"1\"", "=on", "='2'");
        }

        foreach (var name in new[] { "data-pm-no-trac", "xdata-no-track", "no-track", "data-track", "data-no-tracking2" })
        {
            Add(name, "kept", "", "=1", "=off");
        }

        return data;

        void Add(string name, string decision, params string[] values)
        {
            foreach (var value in values)
            {
                data.Add(name, value, decision);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Attributes))]
    public void Attribute_says_what_its_system_makes_of_it_and_goes(string name, string value, string expected)
    {
        foreach (var written in new[] { name, name.ToUpperInvariant() })
        {
            foreach (var (before, behind) in new[]
            {
                ("<a ", " href=\"https://shop.example/1\">1</a>"),
                ("<a href='https://shop.example/1' ", ">1</a>"),
                ("<area class=x\r\n  ", "\r\nhref=https://shop.example/1 >"),
                ("<!--[if mso]><a href=\"https://shop.example/1\" ", " class=x>1</a><![endif]-->"),
                ("<!--[if mso]><v:roundrect ", " href=\"https://shop.example/1\"></v:roundrect><![endif]-->"),
            })
            {
                foreach (var request in _requests)
                {
                    var (decision, output) = Rewrite(before + written + value + behind, request);
                    var isOff = request != TestKeys.Request;
                    Assert.Equal(expected == "opt-out" ? "opt-out" : isOff ? "tracking-off" : "tracked", decision);
                    Assert.Equal(expected == "kept", output.Contains(written + value, StringComparison.Ordinal));
                    Assert.Equal(
                        expected == "opt-out" || isOff,
                        output.Contains("https://shop.example/1", StringComparison.Ordinal));
                }
            }
        }
    }

    [Theory]
    [InlineData("data-no-track=false data-no-track", "tracked", "<a href=")]
    [InlineData("data-no-track data-no-track=false", "opt-out", "<a href=")]
    [InlineData("clicktracking=on clicktracking=off", "tracked", "<a clicktracking=on href=")]
    [InlineData("data-mautic-disable-tracking=false mautic:disable-tracking", "opt-out", "<a href=")]
    [InlineData("data-pm-no-track ses:no-track clicktracking=off", "opt-out", "<a href=")]
    [InlineData("id='x'/data-pm-no-track/class=y", "opt-out", "<a id='x'//class=y href=")]
    public void Of_several_the_first_of_a_name_counts_and_any_name_opts_out(
        string attributes, string expected, string tag)
    {
        var (decision, output) = Rewrite($"<a {attributes} href=\"https://shop.example/1\">1</a>", TestKeys.Request);
        Assert.Equal(expected, decision);
        Assert.Contains(tag, output, StringComparison.Ordinal);
    }

    private static (string Decision, string Output) Rewrite(string html, RewriteRequest request)
    {
        var message = Encoding.ASCII.GetBytes(
            $"From: a@shop.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n");
        using var plan = RewriteMessage.Plan(message, request);
        Assert.Null(plan.Failure);
        return (WireWords.Of(Assert.Single(plan.Links).Decision), Encoding.ASCII.GetString(TestKeys.Write(plan)));
    }
}
