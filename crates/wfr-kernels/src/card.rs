//! A Vulkan driver that presents another one as a graphics card.
//!
//! wfr suits some kernels to the device, and no software driver gets those of a card. Plans that are
//! recorded on this driver hold them: it passes everything on to the driver that `WFR_CARD_OF` names,
//! Mesa's lavapipe, and changes the kind and the name of its adapters. Dispatches do nothing, so that
//! lavapipe does not compile kernels either.
//!
//! `unsafe` because the loader calls a driver through C's interface.

use std::ffi::{CStr, c_char};
use std::mem::transmute;
use std::sync::OnceLock;

use ash::vk;
use libloading::{Library, Symbol};

const NAME: &CStr = c"a card for plans";

type Function = unsafe extern "system" fn();
type Negotiate = unsafe extern "system" fn(*mut u32) -> vk::Result;
type GetProcAddr = unsafe extern "system" fn(vk::Instance, *const c_char) -> vk::PFN_vkVoidFunction;

struct Driver {
    negotiate: Negotiate,
    get_proc_addr: GetProcAddr,
}

/// The other driver; it stays loaded until the process ends.
fn driver() -> Option<&'static Driver> {
    static DRIVER: OnceLock<Option<Driver>> = OnceLock::new();
    let load = || {
        let path = std::env::var_os("WFR_CARD_OF")?;
        // SAFETY: the file is a driver, whose functions have these names and types.
        unsafe {
            let library = Box::leak(Box::new(Library::new(path).ok()?));
            let negotiate: Symbol<Negotiate> =
                library.get(b"vk_icdNegotiateLoaderICDInterfaceVersion\0").ok()?;
            let get: Symbol<GetProcAddr> = library.get(b"vk_icdGetInstanceProcAddr\0").ok()?;
            Some(Driver { negotiate: *negotiate, get_proc_addr: *get })
        }
    };
    DRIVER.get_or_init(load).as_ref()
}

/// # Safety
/// As the loader's interface to drivers says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdNegotiateLoaderICDInterfaceVersion(
    version: *mut u32,
) -> vk::Result {
    match driver() {
        // SAFETY: passed on.
        Some(driver) => unsafe { (driver.negotiate)(version) },
        None => vk::Result::ERROR_INITIALIZATION_FAILED,
    }
}

/// The other driver's functions, kept for those that are wrapped.
static DEVICE: OnceLock<vk::PFN_vkGetDeviceProcAddr> = OnceLock::new();
static PROPERTIES: OnceLock<vk::PFN_vkGetPhysicalDeviceProperties> = OnceLock::new();
static PROPERTIES2: OnceLock<vk::PFN_vkGetPhysicalDeviceProperties2> = OnceLock::new();

/// # Safety
/// As the loader's interface to drivers says.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdGetInstanceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: passed on; each function is kept and given as the type that its name has.
    unsafe {
        let found = (driver()?.get_proc_addr)(instance, name)?;
        match CStr::from_ptr(name).to_bytes() {
            b"vkGetPhysicalDeviceProperties" => {
                PROPERTIES.get_or_init(|| transmute::<Function, _>(found));
                Some(transmute::<vk::PFN_vkGetPhysicalDeviceProperties, Function>(properties))
            }
            b"vkGetPhysicalDeviceProperties2" | b"vkGetPhysicalDeviceProperties2KHR" => {
                PROPERTIES2.get_or_init(|| transmute::<Function, _>(found));
                Some(transmute::<vk::PFN_vkGetPhysicalDeviceProperties2, Function>(properties2))
            }
            b"vkGetDeviceProcAddr" => {
                DEVICE.get_or_init(|| transmute::<Function, _>(found));
                Some(transmute::<vk::PFN_vkGetDeviceProcAddr, Function>(device_function))
            }
            _ => Some(found),
        }
    }
}

unsafe extern "system" fn device_function(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: as above.
    unsafe {
        match CStr::from_ptr(name).to_bytes() {
            b"vkCmdDispatch" => Some(transmute::<vk::PFN_vkCmdDispatch, Function>(dispatch)),
            b"vkCmdDispatchIndirect" => {
                Some(transmute::<vk::PFN_vkCmdDispatchIndirect, Function>(dispatch_indirect))
            }
            _ => DEVICE.get()?(device, name),
        }
    }
}

unsafe extern "system" fn dispatch(_: vk::CommandBuffer, _: u32, _: u32, _: u32) {}

unsafe extern "system" fn dispatch_indirect(
    _: vk::CommandBuffer,
    _: vk::Buffer,
    _: vk::DeviceSize,
) {
}

unsafe extern "system" fn properties(
    adapter: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties,
) {
    if let Some(get) = PROPERTIES.get() {
        // SAFETY: the caller's structure, which the other driver fills.
        unsafe {
            get(adapter, properties);
            present(&mut *properties);
        }
    }
}

unsafe extern "system" fn properties2(
    adapter: vk::PhysicalDevice,
    properties: *mut vk::PhysicalDeviceProperties2,
) {
    if let Some(get) = PROPERTIES2.get() {
        // SAFETY: as above.
        unsafe {
            get(adapter, properties);
            present(&mut (*properties).properties);
        }
    }
}

fn present(properties: &mut vk::PhysicalDeviceProperties) {
    properties.device_type = vk::PhysicalDeviceType::DISCRETE_GPU;
    properties.device_name.fill(0);
    for (to, from) in properties.device_name.iter_mut().zip(NAME.to_bytes()) {
        *to = *from as c_char;
    }
}
