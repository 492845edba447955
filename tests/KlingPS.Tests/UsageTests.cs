using System.Management.Automation;
using System.Reflection;
using KlingPS.Commands.Base;
using KlingPS.Parameters;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Calls that lack something, or in which two parameters exclude each other.</summary>
[Collection(UsesEnvironment.Name)]
public sealed class UsageTests : IDisposable
{
    private readonly EnvironmentScope _environment = new();
    private readonly HostedShell _shell = new();

    public static TheoryData<string> Commands => [.. CommandTypes.Keys];

    /// <summary>The commands that need nothing: they look at what there is, or do the one thing they are for.</summary>
    public static TheoryData<string> CommandsThatNeedSomething =>
    [
        "ConvertTo-KlingVideo", "New-KlingVideoTask", "Remove-KlingVideoTask", "Resolve-KlingVideoTask", "Save-KlingVideo", "Send-KlingImage", "Test-KlingCallback", "Test-KlingImage",
        "Wait-KlingVideoTask",
    ];

    private static IReadOnlyDictionary<string, Type> CommandTypes { get; } = typeof(KlingCommand).Assembly.GetExportedTypes()
        .Where(type => type is { IsAbstract: false } && type.IsDefined(typeof(CmdletAttribute)))
        .ToDictionary(type => type.GetCustomAttribute<CmdletAttribute>() is { } name ? $"{name.VerbName}-{name.NounName}" : string.Empty);

    public void Dispose()
    {
        _shell.Dispose();
        _environment.Dispose();
    }

    [Theory]
    [MemberData(nameof(CommandsThatNeedSomething))]
    public async Task A_bare_command_says_what_it_needs_and_asks_nothing(string command)
    {
        ShellResult result = await _shell.RunAsync(command);

        ErrorRecord error = result.Terminating ?? Assert.Single(result.Errors);
        error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.Matches("^(Say which |There is no prompt|Give the body )", error.Exception.Message);
        Assert.Empty(result.Output);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task Two_parameters_that_exclude_each_other_are_both_named(string command)
    {
        foreach ((string first, string second) in Usages.Of(CommandTypes[command]).Exclusive)
        {
            ShellResult result = await _shell.RunAsync($"{command} {Argument(command, first)} {Argument(command, second)}");

            result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
            Assert.StartsWith($"-{first} and -{second} do not go together. ", result.Terminating!.Exception.Message, StringComparison.Ordinal);
            Assert.Empty(result.Output);
        }
    }

    [Fact]
    public void The_parameters_that_exclude_each_other_are_those_of_the_help()
        => Assert.Equal(
            ["Connect-KlingAccount 10", "Get-KlingVideoTask 18", "Receive-KlingCallback 33", "Resolve-KlingVideoTask 6"],
            CommandTypes.Select(pair => (pair.Key, Count: Usages.Of(pair.Value).Exclusive.Count())).Where(pair => pair.Count > 3).Select(pair => $"{pair.Key} {pair.Count}").Order());

    [Fact]
    public void No_parameter_leaves_it_to_PowerShell_to_ask_for_it_or_to_puzzle_out_its_set()
        => Assert.Empty(
            from command in CommandTypes
            from property in command.Value.GetProperties()
            from attribute in property.GetCustomAttributes<ParameterAttribute>()
            where attribute.Mandatory || attribute.ParameterSetName != ParameterAttribute.AllParameterSets
            select $"{command.Key} -{property.Name}");

    [Theory]
    [InlineData("Test-KlingCallback -Timestamp 1", "-Timestamp needs -Body. Give the body of the callback")]
    [InlineData("Receive-KlingCallback -Signature x", "-Signature needs -Body. Name the tasks to wait for")]
    [InlineData("Receive-KlingCallback -Headers @{}", "-Headers needs -Body. ")]
    [InlineData("Receive-KlingCallback -NoPolling", "-NoPolling needs -InputObject. ")]
    [InlineData("Wait-KlingVideoTask -Timeout 5", "Say which tasks: ")]
    [InlineData("Resolve-KlingVideoTask -Abandon", "-Abandon needs -Id. Say which tasks: ")]
    [InlineData("New-KlingVideoTask boat.webp", "There is no prompt. ")]
    public async Task A_parameter_that_needs_another_names_it(string script, string message)
    {
        ShellResult result = await _shell.RunAsync(script);

        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.StartsWith(message, result.Terminating!.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Wait-KlingVideoTask $null", "-InputObject is empty. Say which tasks: ")]
    [InlineData("Save-KlingVideo @()", "-InputObject is empty. Say which tasks: ")]
    [InlineData("Get-KlingVideoTask -Id $null", "-Id is empty. Say which tasks: ")]
    [InlineData("Get-KlingVideoTask -TaskId @()", "-TaskId is empty. Say which tasks: ")]
    [InlineData("Test-KlingImage -LiteralPath @()", "-LiteralPath is empty. Say which images: ")]
    [InlineData("Resolve-KlingVideoTask $null -Abandon", "-Id is empty. Say which tasks: ")]
    public async Task A_variable_that_turned_out_to_be_empty_is_told(string script, string message)
    {
        ShellResult result = await _shell.RunAsync(script);

        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.StartsWith(message, result.Terminating!.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("Wait-KlingVideoTask")]
    [InlineData("Save-KlingVideo")]
    [InlineData("Remove-KlingVideoTask")]
    [InlineData("Resolve-KlingVideoTask -Abandon")]
    [InlineData("Test-KlingImage")]
    [InlineData("Send-KlingImage")]
    [InlineData("New-KlingVideoTask -Prompt 'It moves.'")]
    [InlineData("Wait-KlingVideoTask -Id 3")]
    public async Task A_pipeline_that_brings_nothing_is_no_error(string command)
    {
        ShellResult result = (await _shell.RunAsync($"@() | {command}")).Clean();

        Assert.Empty(result.Output);
    }

    [Theory]
    [InlineData("Wait-KlingVideoTask -Id 3", "-Id and what comes through the pipeline do not go together. ")]
    [InlineData("Get-KlingVideoTask -State Failed", "-State and what comes through the pipeline do not go together. ")]
    [InlineData("Receive-KlingCallback -Body '{}'", "-Body and what comes through the pipeline do not go together. ")]
    public async Task Input_that_the_parameters_leave_no_room_for_is_refused_and_not_dropped(string command, string message)
    {
        ShellResult result = await _shell.RunAsync($"1, 2 | {command}");

        result.Terminating.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument);
        Assert.StartsWith(message, result.Terminating!.Exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Wait-KlingVideoTask")]
    [InlineData("Get-KlingVideoTask")]
    [InlineData("Resolve-KlingVideoTask -Abandon")]
    public async Task Null_in_the_place_of_a_task_is_the_error_of_that_item(string command)
    {
        ShellResult result = await _shell.RunAsync($"Connect-KlingAccount -Sandbox | Out-Null; $null, $null | {command}");

        Assert.Null(result.Terminating);
        Assert.Equal(2, result.Errors.Count);
        Assert.All(result.Errors, error => error.Is("KlingRequestInvalid", ErrorCategory.InvalidArgument));
        Assert.All(result.Errors, error => Assert.Equal("$null was given instead of a task.", error.Exception.Message));
    }

    [Theory]
    [InlineData("Test-KlingImage")]
    [InlineData("Send-KlingImage")]
    public async Task Null_in_the_place_of_an_image_is_the_error_of_that_item(string command)
    {
        ShellResult result = await _shell.RunAsync($"$null, '', $null | {command}");

        Assert.Null(result.Terminating);
        Assert.Equal(["KlingRequestInvalid", "KlingRequestInvalid", "KlingRequestInvalid"], result.Errors.Select(error => error.FullyQualifiedErrorId.Split(',')[0]));
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task A_switch_that_is_off_is_as_good_as_left_out()
    {
        ShellResult result = await _shell.RunAsync("Connect-KlingAccount -Sandbox:$false -SecretName none; Resolve-KlingVideoTask 1 -Abandon:$false");

        result.Terminating.Is("KlingApiKeyMissing", ErrorCategory.AuthenticationError);
        Assert.StartsWith(
            "Say what has become of the task: ",
            (await _shell.RunAsync("Resolve-KlingVideoTask 1 -Abandon:$false")).Terminating!.Exception.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Test-KlingImage -Detailed")]
    [InlineData("Send-KlingImage")]
    [InlineData("New-KlingVideoTask -Prompt 'It moves.'")]
    public async Task The_errors_of_a_batch_come_in_the_order_of_its_input(string command)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("klingps-");
        string[] names = [.. Enumerable.Range(0, 40).Select(number => Path.Combine(folder.FullName, $"{number:00}.png"))];
        foreach (string name in names.Where((_, number) => number % 3 > 0))
        {
            // A folder is found out at once, and an image without an end only when it is read.
            await (name.EndsWith("1.png", StringComparison.Ordinal) ? Task.FromResult(Directory.CreateDirectory(name)) : File.WriteAllBytesAsync(name, TestImage.Png(name)[..20]));
        }

        ShellResult result = await _shell.RunAsync($"Connect-KlingAccount -Sandbox | Out-Null; $names | {command}", new { names });
        folder.Delete(recursive: true);

        string[] reported = [.. result.Errors.Select(error => names.Single(name => error.Exception.Message.Contains(name, StringComparison.Ordinal)))];
        Assert.Equal(reported.Order(StringComparer.Ordinal), reported);
        Assert.True(reported.Length > 10, $"{reported.Length} errors");
    }

    /// <summary>A parameter with a value that can be bound.</summary>
    private static string Argument(string command, string name)
    {
        Type type = CommandTypes[command].GetProperty(name)!.PropertyType;
        type = Nullable.GetUnderlyingType(type) ?? type;
        type = type.GetElementType() ?? type;
        return type == typeof(SwitchParameter) ? $"-{name}" : $"-{name} {Value()}";

        string Value() => type switch
        {
            _ when type.IsEnum => Enum.GetNames(type)[0],
            _ when type == typeof(System.Security.SecureString) => "([securestring]::new())",
            _ when type == typeof(PSCredential) => "([pscredential]::new('u', [securestring]::new()))",
            _ when type == typeof(DateTime) => "'2026-01-01'",
            _ when type == typeof(Uri) => "https://example.com/",
            _ when type == typeof(string) || type == typeof(PSObject) => "x",
            _ => "1",
        };
    }
}
