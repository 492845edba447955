using System.Management.Automation;
using System.Reflection;
using System.Security;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Core.Configuration;
using KlingPS.Core.Files;
using KlingPS.Core.Imaging;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Setup;
using KlingPS.Core.Submitting;
using KlingPS.Hosting;
using KlingPS.Parameters;
using KlingPS.Sandbox;
using KlingPS.Sessions;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

public sealed class MetadataTests
{
    private static readonly (string Name, Type Type)[] s_videoParameters =
    [
        ("NegativePrompt", typeof(string)), ("Duration", typeof(int?)), ("AspectRatio", typeof(string)), ("Resolution", typeof(string)), ("Sound", typeof(SwitchParameter)),
        ("CfgScale", typeof(double?)), ("TailImagePath", typeof(string)), ("TailImageUri", typeof(string)), ("Model", typeof(string)), ("Name", typeof(string)),
        ("ReferenceImagePath", typeof(string[])), ("ReferenceImageUri", typeof(string[])), ("VideoPath", typeof(string)), ("VideoUri", typeof(string)),
        ("AudioPath", typeof(string)), ("AudioUri", typeof(string)), ("CharacterOrientation", typeof(string)),
    ];

    private static readonly (string Name, Type Type)[] s_taskParameters =
    [
        .. s_videoParameters, ("Prompt", typeof(string)), ("CallbackUri", typeof(string)),
    ];

    private static readonly (string Name, Type Type)[] s_pathParameters = [("Path", typeof(string[])), ("LiteralPath", typeof(string[]))];

    private static readonly (string Name, Type Type)[] s_taskReferences =
        [("InputObject", typeof(PSObject[])), ("TaskId", typeof(string[])), ("Id", typeof(long[]))];

    private static readonly (string Name, Type Type)[] s_callbackKey =
        [("HmacKey", typeof(SecureString)), ("HmacSecretName", typeof(string)), ("Vault", typeof(string)), ("MaxAge", typeof(double))];

    private static readonly Dictionary<string, (Type[] Output, bool AsksBefore, (string Name, Type Type)[] Parameters)> s_cmdlets = new()
    {
        ["Connect-KlingAccount"] = ([typeof(KlingAccount)], false,
        [
            ("ApiKey", typeof(SecureString)), ("SecretName", typeof(string)), ("Vault", typeof(string)), ("Sandbox", typeof(SwitchParameter)),
            ("Endpoint", typeof(Uri)), ("UploadEndpoint", typeof(Uri)), ("Proxy", typeof(Uri)), ("ProxyCredential", typeof(PSCredential)), ("ProxyUseDefaultCredentials", typeof(SwitchParameter)),
            ("SkipVerification", typeof(SwitchParameter)),
        ]),
        ["Get-KlingAccount"] = ([typeof(KlingAccount)], false, []),
        ["Disconnect-KlingAccount"] = ([typeof(void)], false, []),
        ["Set-KlingApiKey"] = ([typeof(void)], true,
            [("ApiKey", typeof(SecureString)), ("SecretName", typeof(string)), ("Vault", typeof(string)), ("SkipVerification", typeof(SwitchParameter))]),
        ["Get-KlingConfiguration"] = ([typeof(KlingConfiguration)], false, []),
        ["Set-KlingConfiguration"] = ([typeof(KlingConfiguration)], true,
        [
            ("SecretName", typeof(string)), ("Vault", typeof(string)), ("Endpoint", typeof(Uri)), ("UploadEndpoint", typeof(Uri)), ("Proxy", typeof(Uri)),
            ("Ledger", typeof(string)), ("LedgerSecretName", typeof(string)), ("DailyCreditCap", typeof(decimal?)), ("DefaultDestination", typeof(string)),
            ("LogPath", typeof(string)), ("ReportPath", typeof(string)), ("PollingInterval", typeof(double?)), ("RequestTimeout", typeof(double?)), ("Reset", typeof(string[])),
        ]),
        ["Test-KlingSetup"] = ([typeof(KlingSetupCheck)], false, [("Destination", typeof(string)), ("CallbackUri", typeof(string)), ("Offline", typeof(SwitchParameter)), ("Strict", typeof(SwitchParameter))]),
        ["Get-KlingModel"] = ([typeof(KlingModel)], false,
            [("Model", typeof(string[])), ("Duration", typeof(int?)), ("Resolution", typeof(string)), ("Sound", typeof(SwitchParameter)), ("Online", typeof(SwitchParameter))]),
        ["Test-KlingImage"] = ([typeof(bool), typeof(ImageReport)], false, [.. s_pathParameters, ("Detailed", typeof(SwitchParameter)), ("Model", typeof(string))]),
        ["Send-KlingImage"] = ([typeof(KlingUpload)], true, [.. s_pathParameters, ("Force", typeof(SwitchParameter)), ("Timeout", typeof(double?))]),
        ["Measure-KlingVideoCost"] = ([typeof(VideoCostEstimate)], false, [.. s_pathParameters, .. s_videoParameters]),
        ["New-KlingVideoTask"] = ([typeof(KlingVideoTask)], true,
            [.. s_pathParameters, ("ImageUri", typeof(string[])), ("SourcePath", typeof(string)), .. s_taskParameters, ("MaxCredits", typeof(decimal?)), ("MaxTasks", typeof(int?)), ("LogPath", typeof(string)), ("SkipChanged", typeof(SwitchParameter)), ("Force", typeof(SwitchParameter)), ("Timeout", typeof(double?))]),
        ["ConvertTo-KlingVideo"] = ([typeof(FileInfo)], true,
        [
            .. s_pathParameters, .. s_taskParameters, ("MaxCredits", typeof(decimal?)), ("MaxTasks", typeof(int?)),
            ("SkipChanged", typeof(SwitchParameter)), ("AllowRepurchase", typeof(SwitchParameter)),
            ("PromptFromSidecar", typeof(SwitchParameter)), ("Destination", typeof(string)), ("NameTemplate", typeof(string)), ("Take", typeof(int?)),
            ("ThrottleLimit", typeof(int?)), ("Timeout", typeof(double?)), ("PollingInterval", typeof(double?)), ("ReportPath", typeof(string)), ("LogPath", typeof(string)),
            ("PlanPath", typeof(string)), ("PlanLifetime", typeof(double?)), ("Plan", typeof(string)),
            ("Sidecar", typeof(SwitchParameter)), ("RetryFailed", typeof(SwitchParameter)), ("Force", typeof(SwitchParameter)),
        ]),
        ["Get-KlingVideoTask"] = ([typeof(KlingVideoTask)], false,
        [
            .. s_taskReferences, ("State", typeof(KlingTaskState[])), ("Since", typeof(DateTime?)), ("Unsaved", typeof(SwitchParameter)),
            ("Source", typeof(string[])), ("Expiring", typeof(SwitchParameter)),
            ("Refresh", typeof(SwitchParameter)), ("Timeout", typeof(double?)),
        ]),
        ["Get-KlingSpend"] = ([typeof(KlingSpend)], false, [("GroupBy", typeof(KlingSpendGroup)), ("Since", typeof(DateTime?)), ("Until", typeof(DateTime?)), ("Balance", typeof(SwitchParameter))]),
        ["Export-KlingMetric"] = ([typeof(FileInfo)], true, [("Path", typeof(string)), ("Offline", typeof(SwitchParameter)), ("Force", typeof(SwitchParameter))]),
        ["Wait-KlingVideoTask"] = ([typeof(KlingVideoTask)], false, [.. s_taskReferences, ("Timeout", typeof(double?)), ("PollingInterval", typeof(double?)), ("LogPath", typeof(string))]),
        ["Save-KlingVideo"] = ([typeof(FileInfo)], true,
            [.. s_taskReferences, ("Destination", typeof(string)), ("NameTemplate", typeof(string)), ("Force", typeof(SwitchParameter)), ("Timeout", typeof(double?)), ("LogPath", typeof(string))]),
        ["Resolve-KlingVideoTask"] = ([typeof(KlingVideoTask)], true,
            [("Id", typeof(PSObject[])), ("TaskId", typeof(string)), ("Abandon", typeof(SwitchParameter)), ("Resubmit", typeof(SwitchParameter)), ("TakenElsewhere", typeof(SwitchParameter)), ("Timeout", typeof(double?))]),
        ["Copy-KlingLedger"] = ([typeof(KlingLedgerCopy)], true, [("Path", typeof(string)), ("Destination", typeof(string))]),
        ["Export-KlingGallery"] = ([typeof(FileInfo)], true,
        [
            ("Path", typeof(string)), ("InputObject", typeof(PSObject[])), ("Title", typeof(string)), ("Source", typeof(string[])), ("Since", typeof(DateTime?)),
            ("State", typeof(KlingTaskState[])), ("ChoicePath", typeof(string[])), ("Portable", typeof(SwitchParameter)), ("Show", typeof(SwitchParameter)), ("Force", typeof(SwitchParameter)),
        ]),
        ["Import-KlingGalleryChoice"] = ([typeof(KlingVideoTask), typeof(FileInfo)], false, [.. s_pathParameters, ("VideoFolder", typeof(string[]))]),
        ["Remove-KlingVideoTask"] = ([typeof(void)], true, s_taskReferences),
        ["Test-KlingCallback"] = ([typeof(bool), typeof(CallbackReport)], false,
        [
            ("Body", typeof(string)), ("Timestamp", typeof(string)), ("Signature", typeof(string)), ("Headers", typeof(PSObject)), .. s_callbackKey,
            ("Detailed", typeof(SwitchParameter)),
        ]),
        ["Receive-KlingCallback"] = ([typeof(KlingVideoTask)], false,
        [
            ("InputObject", typeof(PSObject[])), ("TaskId", typeof(string[])), ("Prefix", typeof(string)), ("Timeout", typeof(double?)), ("Count", typeof(int?)),
            ("NoPolling", typeof(SwitchParameter)), ("Body", typeof(string)), ("Timestamp", typeof(string)), ("Signature", typeof(string)),
            ("Headers", typeof(PSObject)), ("Uri", typeof(string)), ("LogPath", typeof(string)), .. s_callbackKey,
        ]),
        ["Start-KlingSandbox"] = ([typeof(KlingSandbox)], true,
        [
            ("GenerationTime", typeof(double)), ("Credits", typeof(decimal)), ("Port", typeof(int)), ("ApiKey", typeof(SecureString)), ("CallbackKey", typeof(SecureString)),
            ("AdditionalApiKey", typeof(SecureString[])), ("OtherAccountKey", typeof(SecureString[])), ("CreateLimit", typeof(int)), ("QueryLimit", typeof(int)),
            ("VideoSize", typeof(long)), ("Fault", typeof(SandboxFault[])), ("Force", typeof(SwitchParameter)),
        ]),
        ["Get-KlingSandbox"] = ([typeof(KlingSandbox)], false, []),
        ["Stop-KlingSandbox"] = ([typeof(void)], true, [("InputObject", typeof(KlingSandbox))]),
    };

    public static TheoryData<string> Names => [.. s_cmdlets.Keys];

    [Fact]
    public async Task The_module_has_these_cmdlets_and_no_others()
    {
        using var shell = new HostedShell();

        CmdletInfo[] commands = (await shell.RunAsync("Get-Command -Module KlingPS")).Clean().Of<CmdletInfo>();

        Assert.Equal(s_cmdlets.Keys.Order(), commands.Select(command => command.Name).Order());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_cmdlet_has_the_parameters_output_and_confirmation_of_the_design(string name)
    {
        using var shell = new HostedShell();
        (Type[] output, bool asksBefore, (string Name, Type Type)[] parameters) = s_cmdlets[name];

        CmdletInfo command = Assert.Single((await shell.RunAsync("Get-Command $name", new { name })).Clean().Of<CmdletInfo>());

        Assert.Equal(output.Select(type => type.FullName), command.OutputType.Select(type => type.Type?.FullName));
        Assert.Equal(
            parameters.Order().Select(parameter => $"{parameter.Name}: {parameter.Type}"),
            command.Parameters.Values
                .Where(parameter => !Cmdlet.CommonParameters.Contains(parameter.Name) && !Cmdlet.OptionalCommonParameters.Contains(parameter.Name))
                .Select(parameter => (parameter.Name, parameter.ParameterType)).Order()
                .Select(parameter => $"{parameter.Name}: {parameter.ParameterType}"));
        Assert.Equal(asksBefore, command.Parameters.ContainsKey("WhatIf"));
        Assert.Equal(asksBefore, command.Parameters.ContainsKey("Confirm"));
        Assert.Contains(command.Verb, ApprovedVerbs());
        Assert.True(command.ImplementingType.IsSealed);
    }

    /// <summary>Help would show 0 as the default, and a cap of 0 buys nothing.</summary>
    [Fact]
    public void A_setting_that_is_left_out_has_no_value()
    {
        var command = new Commands.SetKlingConfigurationCommand();

        Assert.All(
            command.GetType().GetProperties().Where(property => property.IsDefined(typeof(ParameterAttribute))),
            property => Assert.True(property.GetValue(command) is null or Array { Length: 0 }, property.Name));
    }

    /// <summary>PowerShell would round them, take 0,5 for 5 and a time span for nothing, and a variable that was never set for 0.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void A_number_is_read_by_the_rules_of_the_module(string name)
    {
        Type command = typeof(KlingCommand).Assembly.GetTypes().Single(type => type.GetCustomAttribute<CmdletAttribute>() is CmdletAttribute cmdlet && $"{cmdlet.VerbName}-{cmdlet.NounName}" == name);
        foreach (PropertyInfo property in command.GetProperties().Where(property => property.IsDefined(typeof(ParameterAttribute))))
        {
            Type type = property.PropertyType.GetElementType() ?? property.PropertyType;
            Type number = Nullable.GetUnderlyingType(type) ?? type;
            if (number.IsPrimitive || number == typeof(decimal))
            {
                Attribute? rule = property.GetCustomAttributes().SingleOrDefault(attribute => attribute is WholeNumberAttribute or DecimalNumberAttribute or SecondsAttribute);
                bool isRequired = rule is WholeNumberAttribute { IsRequired: true } or DecimalNumberAttribute { IsRequired: true } or SecondsAttribute { IsRequired: true };
                Assert.True(rule is not null, $"-{property.Name} is converted by PowerShell.");
                Assert.True(property.PropertyType.IsArray || number != type || isRequired, $"-{property.Name} $null would be 0.");
            }
        }
    }

    [Theory]
    [InlineData(typeof(Commands.NewKlingVideoTaskCommand))]
    [InlineData(typeof(Commands.ConvertToKlingVideoCommand))]
    public void The_parameters_of_a_task_bind_by_property_name(Type command)
    {
        foreach ((string name, _) in s_taskParameters)
        {
            Assert.All(
                command.GetProperty(name)!.GetCustomAttributes<ParameterAttribute>(),
                parameter => Assert.True(parameter.ValueFromPipelineByPropertyName));
        }
    }

    [Theory]
    [InlineData(ErrorKind.Unauthorized, "KlingUnauthorized", ErrorCategory.AuthenticationError)]
    [InlineData(ErrorKind.CreditsInsufficient, "KlingCreditsInsufficient", ErrorCategory.QuotaExceeded)]
    [InlineData(ErrorKind.KeyCapReached, "KlingKeyCapReached", ErrorCategory.QuotaExceeded)]
    [InlineData(ErrorKind.TaskNotFound, "KlingTaskNotFound", ErrorCategory.ObjectNotFound)]
    [InlineData(ErrorKind.RequestInvalid, "KlingRequestInvalid", ErrorCategory.InvalidArgument)]
    [InlineData(ErrorKind.RateLimited, "KlingRateLimited", ErrorCategory.LimitsExceeded)]
    [InlineData(ErrorKind.ServiceUnavailable, "KlingServiceUnavailable", ErrorCategory.ResourceUnavailable)]
    [InlineData(ErrorKind.TaskFailed, "KlingTaskFailed", ErrorCategory.InvalidResult)]
    [InlineData(ErrorKind.FeatureDisabled, "KlingFeatureDisabled", ErrorCategory.NotEnabled)]
    [InlineData(ErrorKind.AttemptUnknown, "KlingAttemptUnknown", ErrorCategory.ConnectionError)]
    [InlineData(ErrorKind.WaitTimeout, "KlingWaitTimeout", ErrorCategory.OperationTimeout)]
    [InlineData(ErrorKind.AnswerInvalid, "KlingAnswerInvalid", ErrorCategory.InvalidData)]
    [InlineData(ErrorKind.ImageUnsupported, "KlingImageUnsupported", ErrorCategory.InvalidData)]
    [InlineData(ErrorKind.ApiKeyMissing, "KlingApiKeyMissing", ErrorCategory.AuthenticationError)]
    [InlineData(ErrorKind.BudgetExceeded, "KlingBudgetExceeded", ErrorCategory.QuotaExceeded)]
    public void A_condition_has_the_id_and_the_category_of_the_design(ErrorKind kind, string id, ErrorCategory category)
        => ErrorRecords.From(new KlingException(kind, "It happened."), target: null).Is(id, category);

    [Fact]
    public void Every_condition_has_an_id_a_category_an_advice_and_its_target()
    {
        foreach (ErrorKind kind in Enum.GetValues<ErrorKind>())
        {
            ErrorRecord record = ErrorRecords.From(new KlingException(kind, "It happened."), "the target");

            record.Is($"Kling{kind}", record.CategoryInfo.Category, "the target");
            Assert.NotEqual(ErrorCategory.NotSpecified, record.CategoryInfo.Category);
            Assert.Equal("It happened.", record.ToString());
            Assert.EndsWith(".", record.ErrorDetails.RecommendedAction, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_error_id_is_explained_in_the_about_page_with_its_category()
    {
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "about_KlingPS.md"));

        Assert.All(Enum.GetValues<ErrorKind>(), kind => Assert.Contains($"| Kling{kind} | {ErrorRecords.From(new KlingException(kind, "It happened."), target: null).CategoryInfo.Category} |", page, StringComparison.Ordinal));
    }

    public static TheoryData<ErrorKind, Exception?, string> FileTroubles => new()
    {
        { ErrorKind.FileUnreadable, new UnauthorizedAccessException(), "Change the permissions of the file, or those of the folders that it is in." },
        { ErrorKind.FileUnreadable, new NotOrdinaryFileException(FileKind.Folder, "It is a folder."), "Give the path of an ordinary file." },
        { ErrorKind.DestinationUnusable, new UnauthorizedAccessException(), "Change the permissions so that you can write there, or choose another -Destination." },
        { ErrorKind.DestinationUnusable, new DirectoryNotFoundException(), "Create the folder, or choose another -Destination." },
        { ErrorKind.DestinationUnusable, new PathTooLongException(), "Make the path shorter, or choose another -Destination." },
        { ErrorKind.DestinationUnusable, FileTrouble.CreateDiskFull(), "Free some space on the disk, or choose another -Destination." },
        { ErrorKind.DestinationUnusable, new IOException("Strange."), "Check that the folder exists, is writable and has space left, or choose another -Destination." },
        { ErrorKind.DestinationUnusable, null, "Choose another -Destination." },
    };

    [Theory]
    [MemberData(nameof(FileTroubles))]
    public void The_advice_on_a_file_fits_the_cause(ErrorKind kind, Exception? cause, string advice)
    {
        var error = new KlingException(kind, "It happened.", cause);

        Assert.Equal(advice, ErrorRecords.AdviceOn(error, target: null));
        Assert.StartsWith(advice, ErrorRecords.AdviceOn(error.WithMessage("It happened again.").About(7), target: null), StringComparison.Ordinal);
    }

    [Fact]
    public void The_advice_is_about_the_task_that_the_message_names_and_not_about_the_one_that_was_given()
        => Assert.Contains("Resolve-KlingVideoTask 2 ", ErrorRecords.AdviceOn(new KlingException(ErrorKind.AttemptUnknown, "It happened.").About(2), new KlingVideoTask { Id = 1 }), StringComparison.Ordinal);

    [Fact]
    public void The_advice_on_an_image_that_has_changed_during_its_upload_is_to_run_the_command_again()
        => Assert.Contains("Run the command again.", ErrorRecords.AdviceOn(new KlingException(ErrorKind.FileUnreadable, "It happened."), target: null), StringComparison.Ordinal);

    [Theory]
    [InlineData(ErrorKind.WaitTimeout, "Get-KlingVideoTask -Id 17 | Wait-KlingVideoTask | Save-KlingVideo")]
    [InlineData(ErrorKind.TaskPending, "Get-KlingVideoTask -Id 17 | Wait-KlingVideoTask | Save-KlingVideo")]
    [InlineData(ErrorKind.DownloadIncomplete, "Get-KlingVideoTask -Id 17 | Save-KlingVideo")]
    [InlineData(ErrorKind.DestinationUnusable, "Get-KlingVideoTask -Id 17 | Save-KlingVideo")]
    [InlineData(ErrorKind.LinkExpired, "Get-KlingVideoTask -Id 17 -Refresh")]
    public void An_advice_about_a_task_has_its_number_in_it(ErrorKind kind, string command)
        => Assert.Contains(command, ErrorRecords.From(new KlingException(kind, "It happened."), new KlingVideoTask { Id = 17 }).ErrorDetails.RecommendedAction, StringComparison.Ordinal);

    [Fact]
    public async Task Models_and_tokens_of_names_are_completed()
    {
        using var shell = new HostedShell();

        ShellResult result = (await shell.RunAsync(
            """
            [System.Management.Automation.CommandCompletion]::CompleteInput('New-KlingVideoTask -Model v2-5-turbo-image', 42, $null).CompletionMatches.CompletionText
            [System.Management.Automation.CommandCompletion]::CompleteInput("Save-KlingVideo -NameTemplate '{BaseName}-{Ta", 45, $null).CompletionMatches.CompletionText
            """)).Clean();

        Assert.Equal(
            ["kling/v2-5-turbo-image-to-video-pro", "'{BaseName}-{Take}'", "'{BaseName}-{TaskId}'"],
            result.Of<string>().Order(StringComparer.Ordinal).OrderBy(text => text.StartsWith('\'')));
    }

    private static HashSet<string?> ApprovedVerbs()
        => [.. typeof(VerbsCommon).Assembly.GetExportedTypes()
            .Where(type => type.Name.StartsWith("Verbs", StringComparison.Ordinal) && type is { IsAbstract: true, IsSealed: true })
            .SelectMany(type => type.GetFields(BindingFlags.Public | BindingFlags.Static))
            .Select(field => (string?)field.GetValue(null))];
}
