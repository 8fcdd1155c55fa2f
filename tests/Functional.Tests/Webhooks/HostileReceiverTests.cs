using System.Net;
using Microsoft.AspNetCore.Http;
using Tracking.EventIngest.Webhooks;
using Tracking.Servers;
using Tracking.Webhooks;

namespace Tracking.Functional.Tests.Webhooks;

/// <summary>Receivers that try to delay us, to use up our memory, or to make us connect to another server.</summary>
public sealed class HostileReceiverTests(TestPostgres server)
{
    [Fact]
    public async Task Eight_kilobytes_of_a_huge_answer_are_kept()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = async context =>
        {
            var megabyte = new byte[1 << 20];
            Array.Fill(megabyte, (byte)'a');
            for (var i = 0; i < 1024 && !context.RequestAborted.IsCancellationRequested; i++)
            {
                await context.Response.Body.WriteAsync(megabyte, context.RequestAborted);
            }
        };
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Equal(8192, await lab.AttemptAsync("octet_length(answer)"));
        Assert.Equal((short)1, await lab.DeliveryAsync("status"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_receiver_that_never_finishes_is_left_at_the_deadline(bool hasBegun)
    {
        var options = new WebhookOptions
        {
            AllowHttp = true,
            AllowPrivateAddresses = true,
            AttemptTimeout = TimeSpan.FromSeconds(1),
        };
        options.Ports.Add(WebhookOptions.AnyPort);
        await using var lab = await WebhookLab.CreateAsync(server, options, TimeProvider.System);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = async context =>
        {
            if (hasBegun)
            {
                context.Response.StatusCode = 500;
                await context.Response.WriteAsync("wait", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }

            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        };
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(1);
        await lab.StepAsync();

        Assert.Equal(
            hasBegun ? "The receiver answered 500." : "There was no answer within 1 s.",
            await lab.AttemptAsync("error"));
        Assert.Equal(hasBegun ? "wait" : null, await lab.AttemptAsync("answer"));
        Assert.Equal(true, await lab.EndpointAsync("is_slow"));
    }

    [Fact]
    public async Task An_answer_that_is_no_text_is_kept_as_far_as_it_is_one()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = context => context.Response.Body.WriteAsync(
            new byte[] { (byte)'a', 0, 0xff, (byte)'b' }, context.RequestAborted).AsTask();
        await lab.AddEndpointAsync(receiver.Url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Equal("a\ufffd\ufffdb", await lab.AttemptAsync("answer"));
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_at_all_is_a_failure_in_words()
    {
        await using var lab = await WebhookLab.CreateAsync(server);
        var receiver = await WebhookReceiver.StartAsync();
        var url = receiver.Url;
        await receiver.DisposeAsync();
        await lab.AddEndpointAsync(url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.StartsWith(
            "The connection failed: ", (string)(await lab.AttemptAsync("error"))!, StringComparison.Ordinal);
        Assert.Null(await lab.AttemptAsync("http_status"));
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("10.0.0.1")]
    [InlineData("169.254.169.254")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::7f00:1")]
    public async Task A_name_that_leads_to_a_private_address_is_not_connected_to(string address)
    {
        await using var lab = await WebhookLab.CreateAsync(
            server, OnlyPublic(), lookUp: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(address)]));
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(new Uri($"http://receiver.example:{receiver.Url.Port}/hooks"));
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Empty(receiver.All);
        Assert.Equal(new ForbiddenAddressException().Message, await lab.AttemptAsync("error"));
    }

    [Fact]
    public async Task A_name_that_leads_elsewhere_after_it_was_looked_at_is_checked_at_each_connection()
    {
        // The name has a public address first and a private one later. The checked address must be the connected one.
        var answers = new Queue<string>(["203.0.114.1", "127.0.0.1"]);
        await using var lab = await WebhookLab.CreateAsync(
            server, OnlyPublic(),
            lookUp: (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Parse(answers.Dequeue())]));
        await using var receiver = await WebhookReceiver.StartAsync();
        var url = new Uri($"http://receiver.example:{receiver.Url.Port}/hooks");
        Assert.Equal("203.0.114.1", answers.Dequeue());
        await lab.AddEndpointAsync(url);
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Empty(answers);
        Assert.Empty(receiver.All);
        Assert.Equal(new ForbiddenAddressException().Message, await lab.AttemptAsync("error"));
    }

    [Fact]
    public async Task An_address_written_as_a_number_is_not_connected_to_either()
    {
        await using var lab = await WebhookLab.CreateAsync(server, OnlyPublic());
        await using var receiver = await WebhookReceiver.StartAsync();
        await lab.AddEndpointAsync(new Uri($"http://2130706433:{receiver.Url.Port}/hooks"));
        await lab.StoreAsync(1);
        await lab.WorkAsync();

        Assert.Empty(receiver.All);
        Assert.Equal(new ForbiddenAddressException().Message, await lab.AttemptAsync("error"));
    }

    private static WebhookOptions OnlyPublic()
    {
        var options = new WebhookOptions { AllowHttp = true };
        options.Ports.Add(WebhookOptions.AnyPort);
        return options;
    }
}
