export { MULTIPLANAR_TYPE, Niivue, NVImage, SLICE_TYPE } from '@niivue/niivue'
