using System.Globalization;
using System.Net.Http.Headers;
using Npgsql;
using Tracking.Bus;
using Tracking.Database;
using Tracking.Demo;
using Tracking.ServiceDefaults.Hosting;

namespace Tracking.Standalone.Demo;

/// <summary><c>TRACKING_DEMO=true</c>: a shop with two weeks of mail, and the clicks and opens of people and
/// machines.</summary>
internal static class MakeWeek
{
    /// <summary>Makes the demo data, unless it exists.</summary>
    /// <param name="app">The running program.</param>
    /// <param name="api">The address of its API.</param>
    /// <param name="keyFile">The file of the admin key.</param>
    /// <returns>A line that describes the data.</returns>
    /// <exception cref="StartUpException">The data could not be made. The message has the reason.</exception>
    public static async Task<string> RunAsync(WebApplication app, Uri api, string keyFile)
    {
        if (!File.Exists(keyFile))
        {
            throw new StartUpException($"TRACKING_DEMO needs the admin key, and {keyFile} is gone.", StartUp.Failed);
        }

        var services = app.Services;
        var time = services.GetRequiredService<TimeProvider>();
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = new Uri(
            api, "api/v1/")
        };
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(keyFile)).Trim());
        var past = new RecordPast(
            services.GetRequiredService<SigningKeyRing>(),
            services.GetRequiredService<SendToQueue>(),
            services.GetRequiredService<NpgsqlDataSource>(),
            time);
        try
        {
            var made = await new FillShop(client, past).RunAsync(
                Mailing.OfTwoWeeks(time.GetUtcNow()), app.Lifetime.ApplicationStopping);
            return made is null
                ? $"{FillShop.DefaultName} is there from before"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{FillShop.DefaultName}: two weeks with {made.Messages:N0} messages, {made.Visits:N0} clicks and opens");
        }
        catch (Exception exception) when (exception is DemoFailedException or HttpRequestException)
        {
            throw new StartUpException($"The demo could not be made. {exception.Message}", StartUp.Failed);
        }
    }
}
