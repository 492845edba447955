using System.Management.Automation;
using KlingPS.Core.Model;
using KlingPS.Sandbox;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

[Collection(UsesEnvironment.Name)]
public sealed class SpendTests
{
    [Fact]
    public async Task What_was_spent_is_the_bill_of_the_service_to_the_credit()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(priceFactor: 1.0235m);
        shell.Fault(SandboxOperation.Generate, SandboxFaultKind.FailTask, skip: 1);
        shell.Fault(SandboxOperation.Create, SandboxFaultKind.LoseAnswerAfter, skip: 2);
        string[] images = shell.Images("a.png", "b.png", "c.png", "d.png");

        await shell.RunAsync(
            "$images | ForEach-Object { $_ | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d -ErrorAction SilentlyContinue }; $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d -RetryFailed -ErrorAction SilentlyContinue",
            new { images, d = shell.Destination });
        KlingSpend day = Assert.Single((await shell.RunAsync("Get-KlingSpend")).Clean().Of<KlingSpend>());

        SandboxBill bill = shell.Bill;
        Assert.Equal((3, 1, 1, 1), (day.Videos, day.Failures, day.FailuresMadeGood, day.Unknown));
        Assert.Equal(3 * 42.987m, day.CreditsConsumed);

        // Of the request whose answer was lost, the service has made a video meanwhile; here its price is still set aside.
        Assert.Equal(bill.CreditsSpent, day.CreditsConsumed + 42.987m);
        Assert.True(day.CreditsReserved > 0);
    }

    [Fact]
    public async Task Each_call_of_a_command_that_buys_is_a_run()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = (await shell.RunAsync(
            "$null = $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d -MaxCredits 500; $null = New-KlingVideoTask $images[0] 'Another.'; Get-KlingSpend -GroupBy Run; Get-KlingSpend Folder",
            new { images = shell.Images("a.png", "b.png"), d = shell.Destination })).Clean();

        KlingSpend[] sums = result.Of<KlingSpend>();
        Assert.Equal([("Run", 2, 0), ("Run", 0, 1), ("Folder", 2, 1)], sums.Select(sum => (sum.GroupBy, sum.Videos, sum.Pending)));
        Assert.All(sums[..2], sum => Assert.Equal(7, Guid.Parse(sum.Group!).Version));
        Assert.Equal(shell.Folder, sums[2].Group);
        Assert.All(sums, sum => Assert.Null(sum.Balance));
    }

    [Fact]
    public async Task The_balance_is_beside_the_sums_when_it_is_asked_for_and_only_then_is_the_service_asked()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(credits: 1000);
        await shell.RunAsync("$null = $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d", new { images = shell.Images("a.png"), d = shell.Destination });
        int before = shell.Bill.Requests.Count;

        (await shell.RunAsync("Get-KlingSpend; Get-KlingSpend Month; Get-KlingSpend Account")).Clean();
        Assert.Equal(before, shell.Bill.Requests.Count);

        Assert.Equal(958, Assert.Single((await shell.RunAsync("Get-KlingSpend -Balance")).Clean().Of<KlingSpend>()).Balance);
        Assert.Equal(958, Assert.Single((await shell.RunAsync("Get-KlingSpend Account -Balance")).Clean().Of<KlingSpend>(), sum => sum.Balance is not null).Balance);
    }

    [Fact]
    public async Task A_balance_that_is_not_to_be_had_does_not_keep_the_sums()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        await shell.RunAsync("$null = $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d", new { images = shell.Images("a.png"), d = shell.Destination });
        using var environment = new EnvironmentScope();

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Get-KlingSpend Account -Balance");

        Assert.StartsWith("The balance is not known. ", Assert.Single(result.Errors).Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError).ToString(), StringComparison.Ordinal);
        Assert.Contains(result.Of<KlingSpend>(), sum => sum.Videos == 1);
    }

    /// <summary>Or what one test has bought would be shown in two days now and then.</summary>
    [Fact]
    public void It_is_noon_when_the_tests_begin()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The time zone is not that of the process there.");
        Assert.InRange(DateTime.Now.TimeOfDay, TimeSpan.FromHours(12), TimeSpan.FromHours(23));
    }

    [Fact]
    public async Task Without_a_key_everybodys_spending_is_shown_with_a_warning()
    {
        using var environment = new EnvironmentScope();
        await using ConnectedShell first = await ConnectedShell.StartAsync();
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        foreach (ConnectedShell each in (ConnectedShell[])[first, shell])
        {
            await each.RunAsync("$null = $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d", new { images = each.Images("a.png"), d = each.Destination });
        }

        ShellResult result = await shell.RunAsync("Disconnect-KlingAccount; Get-KlingSpend -Since ([datetime]::MinValue) -Until ([datetime]::MaxValue)");

        Assert.True(result.Of<KlingSpend>().Sum(day => day.Videos) >= 2);
        Assert.Contains("-GroupBy Account separates them", Assert.Single(result.Warnings), StringComparison.Ordinal);
        Assert.Empty(result.Errors);
    }

    [Fact]
    public async Task A_key_that_the_ledger_does_not_know_has_spent_nothing_and_that_is_said()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync(moreKeys: ["another-key"]);
        await shell.RunAsync("$null = $images | ConvertTo-KlingVideo -Prompt 'It moves.' -Destination $d", new { images = shell.Images("a.png"), d = shell.Destination });
        await shell.ConnectAsync("another-key");

        ShellResult result = await shell.RunAsync("Get-KlingSpend");

        Assert.Empty(result.Output);
        Assert.Contains("does not know this key yet", Assert.Single(result.Warnings), StringComparison.Ordinal);

        await shell.RunAsync("Get-KlingVideoTask");
        Assert.Equal(1, Assert.Single((await shell.RunAsync("Get-KlingSpend")).Clean().Of<KlingSpend>()).Videos);
    }

    [Theory]
    [InlineData("-Since 2026-11-02 -Until 2026-11-01")]
    [InlineData("-Since 2026-11-01 -Until 2026-11-01")]
    public async Task A_span_with_nothing_in_it_is_refused(string span)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ErrorRecord error = (await shell.RunAsync($"Get-KlingSpend {span}")).Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);

        Assert.Contains("-Until is the first moment that does not count", error.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Day, Folder", "'Day, Folder' are 2 values, and only one can be given.")]
    [InlineData("'Day,Folder'", "'Day, Folder' are 2 values, and only one can be given.")]
    [InlineData("$never", "It is not set; give one of the names that Tab offers, or leave the parameter out.")]
    public async Task Two_ways_of_adding_up_at_once_or_none_are_refused(string groupBy, string said)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();

        ShellResult result = await shell.RunAsync($"Get-KlingSpend -GroupBy {groupBy}");

        Assert.NotNull(result.Terminating);
        Assert.Contains(said, result.Terminating.Exception.Message, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }
}
