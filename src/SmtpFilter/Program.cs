using Tracking.Milter;
using Tracking.ServiceDefaults;
using Tracking.ServiceDefaults.Hosting;
using Tracking.SmtpFilter;

// Both doors of MTAs: an MTA uses one of them, and a door without an address is closed.
return await StartUp.RunOrExplainAsync(async () =>
{
    var builder = StartUp.CreateBuilder(args);
    builder.AddServiceDefaults();
    builder.AddSmtpFilter();
    builder.AddMilter();
    var app = builder.Build();
    app.MapServiceDefaults();
    await app.RunCheckedAsync();
});
