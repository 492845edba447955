using System.Management.Automation;
using System.Text;
using KlingPS.Commands.Base;
using KlingPS.Core;
using KlingPS.Core.Callbacks;
using KlingPS.Parameters;

namespace KlingPS.Commands;

/// <summary>Checks the signature of a callback that another web server has received.</summary>
[Cmdlet(VerbsDiagnostic.Test, "KlingCallback")]
[OutputType(typeof(bool), typeof(CallbackReport))]
public sealed class TestKlingCallbackCommand : CallbackKeyCommand
{
    private const string WithSignature = "Signature";
    private const string WithHeaders = "Headers";

    private CallbackVerifier? _verifier;

    /// <summary>The body as it was received: JSON text.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Usage(IsRequired = true)]
    [AllowEmptyString]
    public string Body { get; set; } = string.Empty;

    /// <summary>The header X-Webhook-Timestamp.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(WithSignature)]
    [AllowNull]
    [AllowEmptyString]
    public string? Timestamp { get; set; }

    /// <summary>The header X-Webhook-Signature.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(WithSignature)]
    [AllowNull]
    [AllowEmptyString]
    public string? Signature { get; set; }

    /// <summary>The headers of the request, as the web server has them.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Usage(WithHeaders, IsRequired = true)]
    public PSObject? Headers { get; set; }

    /// <summary>Says why, instead of true or false.</summary>
    [Parameter]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    private protected override string HowToGive => "Give the body of the callback as it was received, with -Body or through the pipeline.";

    /// <inheritdoc/>
    private protected override void OnBegin()
    {
        CallbackKey key = FindKey()
            ?? throw new KlingException(ErrorKind.RequestInvalid, "A signature cannot be checked without the key it was made with. Give it with -HmacKey or -HmacSecretName; it is shown at https://kie.ai/settings.");
        _verifier = new CallbackVerifier(key, TimeSpan.FromSeconds(MaxAge), TimeProvider.System);
    }

    /// <inheritdoc/>
    private protected override void OnProcess()
    {
        try
        {
            (string? timestamp, string? signature) = Headers is not null && string.IsNullOrEmpty(Timestamp) && string.IsNullOrEmpty(Signature) ? CallbackHeaders.Read(Headers) : (Timestamp, Signature);
            CallbackReport report = _verifier!.Check(Encoding.UTF8.GetBytes(Body), timestamp, signature);
            WriteObject(Detailed ? report : report.IsGenuine);
        }
        catch (KlingException exception)
        {
            WriteError(exception, Headers);
        }
    }
}
