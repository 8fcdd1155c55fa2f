using Microsoft.AspNetCore.Http;
using Tracking.Servers;

namespace Tracking.Functional.Tests.Cli;

/// <summary>
/// trackctl filter after faults: the MTA keeps the mail (75), or the mail goes on unchanged. One line of output has the
/// reason.
/// </summary>
public sealed class FilterFailureTests
{
    private static readonly string[] _envelope = ["-f", "bob@example.com", "--", "anna@example.com"];

    [Theory]
    [InlineData(503, "unavailable")]
    [InlineData(429, "too-many-requests")]
    [InlineData(408, "request-timeout")]
    [InlineData(401, "unauthorized")]
    [InlineData(404, "not-found")]
    [InlineData(409, "conflict")]
    [InlineData(500, "internal")]
    public async Task A_message_that_the_server_refuses_waits_in_the_queue(int status, string type)
    {
        await using var server = await FilterServer.RefusingAsync(status, type);
        using var sendmail = new FakeSendmail();
        var result = await FilterTests.RunAsync(server.Url, sendmail, _envelope);
        AssertDeferred(result, "Refused. 5.7.1 no.");
        Assert.Equal(0, sendmail.Runs);
    }

    [Theory]
    [InlineData(503, "unavailable", "--when-unavailable")]
    [InlineData(401, "unauthorized", "--when-refused")]
    public async Task A_refused_message_goes_on_unchanged_when_the_operator_prefers_that(
        int status, string type, string option)
    {
        await using var server = await FilterServer.RefusingAsync(status, type);
        using var sendmail = new FakeSendmail();
        var (code, output, _) = await FilterTests.RunAsync(server.Url, sendmail, [option, "pass", .. _envelope]);
        Assert.Equal((0, "passed on unchanged: Refused. 5.7.1 no."), (code, output));
        Assert.Equal(FilterTests.Message, sendmail.Message);
    }

    [Theory]
    [InlineData(503, "unavailable", "--when-refused")]
    [InlineData(401, "unauthorized", "--when-unavailable")]
    public async Task The_options_for_refused_and_for_unavailable_are_independent(
        int status, string type, string option)
    {
        await using var server = await FilterServer.RefusingAsync(status, type);
        using var sendmail = new FakeSendmail();
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, [option, "pass", .. _envelope]), "Refused");
    }

    [Theory]
    [InlineData(413, "too-large")]
    [InlineData(400, "malformed-request")]
    public async Task A_message_that_can_never_be_rewritten_goes_on_as_it_came(int status, string type)
    {
        await using var server = await FilterServer.RefusingAsync(status, type);
        using var sendmail = new FakeSendmail();
        var (code, _, _) = await FilterTests.RunAsync(server.Url, sendmail, _envelope);
        Assert.Equal(0, code);
        Assert.Equal(FilterTests.Message, sendmail.Message);
    }

    [Fact]
    public async Task A_size_limit_of_a_proxy_in_between_is_no_judgement_of_the_message()
    {
        await using var server = await FilterServer.StartAsync(context =>
        {
            context.Response.StatusCode = 413;
            return context.Response.WriteAsync("<html>");
        });
        using var sendmail = new FakeSendmail();
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, _envelope), "answered 413");
    }

    [Theory]
    [InlineData("text/html", "3")]
    [InlineData("message/rfc822", null)]
    public async Task An_answer_that_is_not_the_rewriters_is_never_sent_to_anybody(string type, string? links)
    {
        await using var server = await FilterServer.StartAsync(context =>
        {
            context.Response.ContentType = type;
            context.Response.Headers["Tracking-Links"] = links;
            return context.Response.WriteAsync("<html>Welcome</html>");
        });
        using var sendmail = new FakeSendmail();
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, _envelope), "did not answer with a message");
        Assert.Equal(0, sendmail.Runs);
    }

    [Fact]
    public async Task An_answer_that_breaks_off_is_not_sent()
    {
        await using var server = await FilterServer.StartAsync(async context =>
        {
            context.Response.ContentType = "message/rfc822";
            context.Response.Headers["Tracking-Links"] = "1";
            context.Response.ContentLength = 100;
            await context.Response.WriteAsync("Subject: half");
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        using var sendmail = new FakeSendmail();
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, _envelope), "");
        Assert.Equal(0, sendmail.Runs);
    }

    [Fact]
    public async Task A_server_that_is_down_or_hangs_costs_time_only()
    {
        using var sendmail = new FakeSendmail();
        await using var server = await FilterServer.StartAsync(
            context => Task.Delay(Timeout.Infinite, context.RequestAborted));
        AssertDeferred(
            await FilterTests.RunAsync(server.Url, sendmail, ["--timeout", "1", .. _envelope]),
            "did not answer within 1 s");
        var url = server.Url;
        await server.DisposeAsync();
        AssertDeferred(await FilterTests.RunAsync(url, sendmail, _envelope), "cannot be reached");
        Assert.Equal(0, sendmail.Runs);
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    public async Task A_filter_interrupted_before_sendmail_ends_with_try_again(string signal)
    {
        using var asked = new SemaphoreSlim(0);
        await using var server = await FilterServer.StartAsync(context =>
        {
            asked.Release();
            return Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        using var sendmail = new FakeSendmail();
        using var filter = FilterTests.Start(server.Url, sendmail, _envelope);
        Assert.True(await asked.WaitAsync(Eventually.Deadline, TestContext.Current.CancellationToken));
        await filter.SignalAsync(signal);
        AssertDeferred(await filter.EndAsync(), "Interrupted");
        Assert.Equal(0, sendmail.Runs);
    }

    [Theory]
    [InlineData("echo 5.7.1 rejected >&2; exit 75", "exit code 75: 5.7.1 rejected")]
    [InlineData("exit 71", "exit code 71")]
    [InlineData("kill -KILL $$", "ended by signal 9")]
    public async Task A_message_that_sendmail_does_not_accept_is_tried_again(string ending, string reason)
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail(ending);
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, _envelope), reason);
        Assert.Equal(1, sendmail.Runs);
    }

    [Theory]
    [InlineData("echo rejected; exit 69", "exit code 69: rejected")]
    [InlineData("echo fatal: message file too big; exit 75", "exit code 75: fatal: message file too big")]
    public async Task A_message_that_sendmail_refuses_only_rewritten_goes_on_as_it_came(string refusal, string reason)
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail(
            $"[ $(wc -c < $folder/message) -le {FilterTests.Message.Length} ] || {{ {refusal}; }}");
        var (code, output, _) = await FilterTests.RunAsync(server.Url, sendmail, _envelope);
        Assert.Equal(0, code);
        Assert.Equal($"passed on unchanged: sendmail refused it rewritten: {reason}", output);
        Assert.Equal(2, sendmail.Runs);
        Assert.Equal(FilterTests.Message, sendmail.Message);
    }

    [Fact]
    public async Task A_message_that_sendmail_refuses_in_any_form_waits_in_the_queue()
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail("exit 69");
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, _envelope), "exit code 69");
    }

    [Theory]
    [InlineData("--sendmail:/nonexistent -f:a@example.com -- b@example.com", "/nonexistent cannot be started")]
    [InlineData("-f:a@example.com --", "Recipients are missing")]
    [InlineData("-- b@example.com", "-f: is missing")]
    [InlineData("--clicks:perhaps -f:a@example.com -- b@example.com", "--clicks: got 'perhaps'")]
    [InlineData("--timeout:0 -f:a@example.com -- b@example.com", "--timeout: got '0'")]
    [InlineData("--when-refused:bounce -f:a@example.com -- b@example.com", "--when-refused: got 'bounce'")]
    [InlineData("--surprise:x -f:a@example.com -- b@example.com", "there is no such option")]
    [InlineData("--key-file:/nonexistent -f:a@example.com -- b@example.com", "/nonexistent cannot be read")]
    [InlineData("--url:nonsense -f:a@example.com -- b@example.com", "--url: got 'nonsense'")]
    [InlineData("-f:--help -- ", "Recipients are missing")]
    public async Task A_mistake_in_the_configuration_bounces_nobodys_mail(string arguments, string complaint)
    {
        await using var server = await FilterServer.StartAsync();
        using var sendmail = new FakeSendmail();
        var split = arguments.Split([' ', ':'], StringSplitOptions.RemoveEmptyEntries);
        AssertDeferred(await FilterTests.RunAsync(server.Url, sendmail, split), complaint);
        Assert.Equal(0, sendmail.Runs);
    }

    [Fact]
    public async Task Options_in_front_of_the_word_filter_bounce_nobodys_mail()
    {
        using var filter = Trackctl.Start(null, "trk_test", FilterTests.Message,
            ["--url", "http://127.0.0.1:1", "filter", "--cluster", "x", .. _envelope]);
        AssertDeferred(await filter.EndAsync(), "options come after the word filter");
    }

    [Fact]
    public async Task An_empty_input_is_no_message()
    {
        await using var server = await FilterServer.StartAsync();
        using var filter = Trackctl.Start(server.Url, "trk_test", [], ["filter", "--cluster", "x", .. _envelope]);
        AssertDeferred(await filter.EndAsync(), "no message");
    }

    // For Postfix a status code at the beginning of the output overrides the exit code. Postfix logs one line.
    private static void AssertDeferred((int Code, string Output, string Error) result, string reason)
    {
        Assert.Equal((75, ""), (result.Code, result.Output));
        Assert.StartsWith("4.3.0 ", result.Error, StringComparison.Ordinal);
        Assert.Contains(reason, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', result.Error.TrimEnd('\n'));
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("trk_test", result.Error, StringComparison.Ordinal);
    }
}
